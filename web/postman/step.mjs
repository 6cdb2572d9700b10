/**
 * One request of the collections and what must come back.
 *
 * @typedef {object} Step
 * @property {string} name
 * @property {string} [about] for people
 * @property {import("./editions.mjs").Address} address
 * @property {unknown} [body]
 * @property {number} status
 * @property {number} [code] a refusal: Graph's error code
 * @property {string[]} [tests] statements about `body`, the answer
 * @property {Wait} [wait] asked again until it is there
 *
 * @typedef {{ what: string, found: string }} Wait
 *   `found` is an expression that is truthy once it is there.
 */

/** @param {string} path @returns {import("./editions.mjs").Address} */
export const post = (path) => ({ method: "POST", path });

/** @param {string} method @param {string} path @returns {import("./editions.mjs").Address} */
export const sandbox = (method, path) => ({ method, path: `/sandbox/v1${path}`, auth: "sandbox" });

export const done = "pm.expect(body.success).to.eql(true);";
export const whatsapp = 'pm.expect(body.messaging_product).to.eql("whatsapp");';

/** Keeps a part of the answer for later steps. @param {string} name @param {string} from */
export const keep = (name, from) => `pm.environment.set(${JSON.stringify(name)}, ${from});`;

/**
 * A webhook in the platform's journal. `fits` is an expression over `value`, the webhook's `value`.
 * @param {string} name
 * @param {string} fits
 * @param {string[]} [tests] statements about `found`, the value
 * @returns {Step}
 */
export const webhook = (name, fits, tests = []) => ({
  name,
  about: "Read from the platform’s journal, so that no server of yours is needed to see it.",
  address: sandbox("GET", "/webhooks"),
  status: 200,
  tests,
  wait: {
    what: "the webhook",
    found: `body.map((each) => each.body.entry[0].changes[0].value).find((value) => ${fits})`,
  },
});
