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
export const act = (verb, body, refused) => carryOut(verb, { method: "POST", body: JSON.stringify(body) }, refused);

// The same with a file of the person's own machine.
export function send(verb, body, file, refused) {
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) form.append(name, value);
  form.append("content", file);
  return carryOut(verb, { method: "POST", body: form }, refused);
}

export const liftFault = (name, refused) => carryOut(`faults/${name}`, { method: "DELETE" }, refused);

async function carryOut(path, options, refused) {
  try {
    const answer = await ask(path, options);
    const result = await answer.json();
    if (answer.ok) return result;
    refused(result.error[0].toUpperCase() + result.error.slice(1));
  } catch (error) {
    if (!(error instanceof Away)) throw error;
    refused(error.message);
  }
  return null;
}

// Work that is given up when the sandbox is away, which the stream tells.
export function quietly(work) {
  return async (...given) => {
    try {
      return await work(...given);
    } catch (error) {
      if (!(error instanceof Away)) throw error;
    }
  };
}
