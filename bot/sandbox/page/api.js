// Talking to the sandbox.

export class Away extends Error {}

async function ask(path, options) {
  try {
    return await fetch(`/control/${path}`, options);
  } catch {
    throw new Away("The sandbox does not answer.");
  }
}

export async function get(path) {
  const answer = await ask(path);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

// Carries out a verb. Returns its result, or null after telling by `refused` why it can't be.
export async function act(verb, body, refused) {
  const answer = await ask(verb, { method: "POST", body: JSON.stringify(body) });
  const result = await answer.json();
  if (!answer.ok) refused(result.error);
  return answer.ok ? result : null;
}

export const liftFault = (name) => ask(`faults/${name}`, { method: "DELETE" });
