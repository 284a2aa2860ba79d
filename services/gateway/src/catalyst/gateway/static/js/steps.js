// What changes and their steps are called for people, and how each stands. Pure.

const NAMES = {
  admit: "Admit it to the Environment",
  hold: "Set the credit aside",
  repository: "Make the repository",
  unprotect: "Give the data up",
  commit: "Write the files to Git",
  observe: "Wait until it runs",
  capture: "Take the credit",
  release: "Let it go from the Environment",
  settle: "End the subscription",
  archive: "Archive the repository",
  delete: "Delete the rest",
};

/** What the same steps are called where something is taken away. */
const AWAY = {
  commit: "Take the files out of Git",
  observe: "Wait until it has gone",
};

/** Returns whether an action takes something away. */
export function takesAway(action) {
  return ["uninstall", "delete-environment", "delete-organization"].includes(action);
}

/** Returns whether an action takes a whole Environment or Organization away. */
export function wholly(action) {
  return action.startsWith("delete-");
}

/** Returns whether a change works on an Application: it was asked for that, or takes it along. */
export function worksOn({ request, lock }, application, environment) {
  const asked = request.application === application && request.environment === environment;
  return asked || lock.some((one) => one.role !== "shared" && one.application === application && one.environment === environment);
}

/** Returns what a step of an action is called. */
export function stepName(step, action) {
  if (takesAway(action) && Object.hasOwn(AWAY, step)) return AWAY[step];
  return Object.hasOwn(NAMES, step) ? NAMES[step] : step;
}

/** Returns who saw what a change waited for: the simulator, if it did so anywhere. */
export function sourceOf({ steps }) {
  const found = steps.map(({ source }) => source).filter(Boolean);
  return found.includes("simulator") ? "simulator" : found[0];
}

/** How the status of a change, or of a step, is coloured; the word itself always stands there. */
export const CHANGE_MOODS = { done: "good", completed: "good", running: "warn", undoing: "warn", waiting: "warn", failed: "bad", rejected: "bad" };

const ACTIONS = {
  install: "Install",
  configure: "Change the configuration of",
  upgrade: "Upgrade",
  rollback: "Go back with",
  uninstall: "Uninstall",
  "delete-environment": "Delete the Environment",
  "delete-organization": "Delete the Organization",
};

/** Returns what a change does, in one line. */
export function changeTitle({ request, organization }) {
  const action = Object.hasOwn(ACTIONS, request.action) ? ACTIONS[request.action] : request.action;
  const what = request.application ?? request.environment ?? organization;
  const where = request.application && request.environment ? ` in ${request.environment}` : "";
  return `${action} ${what}${where}`;
}

/** Returns what a plan is for: it stands on the page of the Application, or names it. */
export function planTitle({ request, lock, organization, environment }) {
  const { action, application } = request;
  const version = lock.find(({ role }) => role === "target")?.version ?? "";
  if (action === "configure") return "Change the configuration";
  if (action === "upgrade") return `Upgrade to ${version}`;
  if (action === "rollback") return `Go back to what it was, with ${version}`;
  return `${ACTIONS[action]} ${application ?? (environment || organization)}`;
}
