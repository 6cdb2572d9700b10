/**
 * What differs between the editions: address, key, paths. Everything else is the same flow.
 *
 * @typedef {{ method: string, path: string, query?: Record<string, string>, auth?: "app" | "none" | "sandbox" }} Address
 * @typedef {object} Edition
 * @property {string} id a part of the file names
 * @property {string} name
 * @property {{ key: string, value: string }} key the header that says who asks
 * @property {Address} calls
 * @property {Address} messages
 * @property {Address} readSettings
 * @property {Address} changeSettings
 * @property {(user: string) => Address} permission
 * @property {Address} analytics
 * @property {{ code: number } | { tests: string[] }} keyless what a request without a key is answered, beside a 401
 * @property {string} points where the answer has its data points
 * @property {import("./step.mjs").Step[]} webhook how the callback URL is set
 */
import { done, post } from "./step.mjs";

const object = "/{{version}}/{{phone_number_id}}";

const ANALYTICS =
  'call_analytics.start({{day_start}}).end({{day_end}}).granularity(DAILY).dimensions(["direction"])' +
  '.metric_types(["COUNT","COST","AVERAGE_DURATION"])';

/** @type {Edition} */
export const META = {
  id: "meta",
  name: "Meta",
  key: { key: "Authorization", value: "Bearer {{access_token}}" },
  calls: { method: "POST", path: `${object}/calls` },
  messages: { method: "POST", path: `${object}/messages` },
  readSettings: { method: "GET", path: `${object}/settings` },
  changeSettings: { method: "POST", path: `${object}/settings` },
  permission: (user) => ({ method: "GET", path: `${object}/call_permissions`, query: { user_wa_id: user } }),
  analytics: { method: "GET", path: "/{{version}}/{{waba_id}}", query: { fields: ANALYTICS } },
  keyless: { code: 190 },
  points: "body.call_analytics.data_points",
  webhook: [
    {
      name: "Subscribe the app, with its callback URL",
      about: "The callback URL is asked to answer the verification handshake (hub.challenge).",
      address: { method: "POST", path: "/{{version}}/{{app_id}}/subscriptions", auth: "app" },
      body: {
        object: "whatsapp_business_account",
        callback_url: "{{callback_url}}",
        verify_token: "{{verify_token}}",
        fields: ["calls", "messages", "account_update", "account_settings_update"],
      },
      status: 200,
      tests: [done],
    },
    {
      name: "Subscribe the app to the account",
      address: post("/{{version}}/{{waba_id}}/subscribed_apps"),
      body: {},
      status: 200,
      tests: [done],
    },
  ],
};

/** @type {Edition} */
export const DIALOG_360 = {
  id: "360dialog",
  name: "360dialog",
  key: { key: "D360-API-KEY", value: "{{d360_api_key}}" },
  calls: { method: "POST", path: "/calling/calls" },
  messages: { method: "POST", path: "/messages" },
  readSettings: { method: "GET", path: "/calling/settings" },
  changeSettings: { method: "POST", path: "/calling/settings" },
  permission: (user) => ({ method: "GET", path: `/calling/permissions/${user}` }),
  // 360dialog has no analytics of its own; the platform answers the same over its sandbox API.
  analytics: {
    method: "GET",
    path: "/sandbox/v1/accounts/{{waba_id}}/analytics",
    query: { start: "{{day_start}}", end: "{{day_end}}", granularity: "DAILY", dimensions: "direction" },
    auth: "sandbox",
  },
  keyless: { tests: ['pm.expect(body.error).to.be.a("string").that.is.not.empty;'] },
  points: "body.data[0].data_points",
  webhook: [
    {
      name: "Set the number’s webhook",
      about: "Custom headers come back with every webhook; here a shared secret.",
      address: post("/v1/configs/webhook"),
      body: { url: "{{callback_url}}", headers: { "X-Shared-Secret": "{{verify_token}}" } },
      status: 200,
      tests: ['pm.expect(body.url).to.eql(pm.environment.get("callback_url"));'],
    },
  ],
};

export const EDITIONS = [META, DIALOG_360];
