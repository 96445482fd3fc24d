// A bot's web app in front of the phone, and the events that it exchanges with Telegram's apps (core.telegram.org/api/web-events).

import { button, element, signButton } from "./dom.js";

// What a framed page may do. Its own origin it keeps, so that it can store what it likes there.
const ALLOWED = "allow-scripts allow-same-origin allow-forms allow-popups allow-modals";

export function open(phone, { web_app: app, url, sends_data: sends }, title) {
  if (new URL(url).origin === location.origin) return phone.notices.toast("That is this page itself");
  phone.section.querySelector(".web-app")?.close();
  new WebApp(phone, app, url, sends, title).show();
}

class WebApp {
  constructor(phone, app, url, sends, title) {
    Object.assign(this, { phone, app, sends });
    this.box = element("dialog", "web-app");
    this.box.setAttribute("aria-label", `Web app ${title}`);
    const head = element("header", "bar");
    const outside = Object.assign(element("a", "", "↗"), { href: url, target: "_blank", rel: "noopener noreferrer", title: "Open in a tab of its own" });
    outside.setAttribute("aria-label", "Open in a tab of its own");
    head.append(signButton("back", "✕", "Close the web app", () => this.close()), element("strong", "names", title), outside);
    this.frame = Object.assign(element("iframe"), { src: url, title: `The page of ${title}`, sandbox: ALLOWED });
    this.main = button("main-button", "", () => this.tell("main_button_pressed"));
    this.main.hidden = true;
    this.box.append(head, this.frame, this.main);
    this.box.addEventListener("close", () => this.close());
    this.hear = (event) => event.source === this.frame.contentWindow && this.heard(event.data);
  }

  show() {
    this.before = document.activeElement;
    window.addEventListener("message", this.hear);
    this.phone.section.append(this.box);
    this.phone.notices.behind.inert = true;
    this.box.show();
    this.box.querySelector("button").focus();
  }

  close() {
    if (!this.box.isConnected) return;
    window.removeEventListener("message", this.hear);
    this.box.remove();
    this.phone.notices.behind.inert = false;
    if (this.before?.isConnected) this.before.focus();
  }

  tell(eventType, eventData = {}) {
    this.frame.contentWindow?.postMessage(JSON.stringify({ eventType, eventData }), "*");
  }

  heard(said) {
    const [type, data] = eventOf(said);
    if (Object.hasOwn(EVENTS, type)) EVENTS[type](this, data);
  }

  async send({ data }) {
    if (!this.sends) return; // Telegram's apps take data only from the key of a reply keyboard
    this.phone.conversation.toEnd();
    if (await this.phone.perform("web_app_data", { web_app: this.app, data: String(data) })) this.close();
  }

  showMain({ is_visible: visible, is_active: active, text }) {
    if (visible !== undefined) this.main.hidden = !visible;
    if (active !== undefined) this.main.disabled = !active;
    if (text !== undefined) this.main.textContent = text;
  }

  tellSize() {
    const { clientHeight: height, clientWidth: width } = this.frame;
    this.tell("viewport_changed", { height, width, is_expanded: true, is_state_stable: true });
  }
}

// The kind and the data of what a page has said, which may be anything.
function eventOf(said) {
  try {
    const { eventType, eventData } = JSON.parse(said);
    return [String(eventType), (typeof eventData === "string" ? JSON.parse(eventData || "{}") : eventData) ?? {}];
  } catch {
    return ["", {}];
  }
}

const isWeb = (link) => URL.canParse(link) && /^https?:$/.test(new URL(link).protocol);

const EVENTS = {
  iframe_ready: (app) => app.tellSize(),
  web_app_request_viewport: (app) => app.tellSize(),
  web_app_expand: (app) => app.tellSize(),
  web_app_close: (app) => app.close(),
  web_app_data_send: (app, data) => app.send(data),
  web_app_setup_main_button: (app, data) => app.showMain(data),
  web_app_open_link: (app, { url }) => isWeb(url) && window.open(url, "_blank", "noopener"),
  async web_app_open_popup(app, { title, message, buttons = [] }) {
    const words = buttons.map((one) => one.text || one.type || "OK");
    const answer = await app.phone.notices.ask(title || "Message", message, words.length ? words : ["OK"]);
    app.phone.notices.behind.inert = true; // the web app is still in front
    app.tell("popup_closed", { button_id: buttons[words.indexOf(answer)]?.id ?? "" });
  },
};
