/** What the collections walk through: the flows of calling, once for both editions, mistakes included. */
import { done, keep, sandbox, webhook, whatsapp } from "./step.mjs";
import { ANSWER, BROKEN, OFFER, OTHER_ANSWER } from "./sdp.mjs";

/** @typedef {import("./step.mjs").Step} Step */
/** @typedef {{ name: string, about: string, steps: Step[] }} Flow */

/**
 * @param {import("./editions.mjs").Edition} edition
 * @returns {Flow[]}
 */
export const flows = (edition) => [
  setUp(edition),
  userCalls(edition),
  businessRejects(edition),
  permission(edition),
  businessCalls(edition),
  analytics(edition),
];

/** @param {string} action @param {object} [more] */
const onCall = (action, more) => ({ messaging_product: "whatsapp", call_id: "{{call_id}}", action, ...more });

/** @param {string} sdp */
const answering = (sdp) => ({ session: { sdp_type: "answer", sdp } });

const connecting = (sdp = OFFER) => ({
  messaging_product: "whatsapp",
  to: "{{caller}}",
  action: "connect",
  session: { sdp_type: "offer", sdp },
  biz_opaque_callback_data: "postman-1",
});

const asking = {
  messaging_product: "whatsapp",
  recipient_type: "individual",
  to: "{{caller}}",
  type: "interactive",
  interactive: {
    type: "call_permission_request",
    action: { name: "call_permission_request" },
    body: { text: "May we call you about your order?" },
  },
};

/** @param {string} name @param {string} user @param {unknown} behaviour @returns {Step} */
const behave = (name, user, behaviour) => ({
  name,
  address: sandbox("PUT", `/users/${user}/behaviour`),
  body: behaviour,
  status: 200,
});

/** What the platform says about the call: media never flowed, and why. @param {string[]} tests @returns {Step} */
const inspect = (tests) => ({
  name: "What the platform says about the call",
  about: "Nobody is behind the SDP of this collection, so the verdict names the first step that is missing.",
  address: sandbox("GET", "/calls/{{call_id}}"),
  status: 200,
  tests: [
    'pm.expect(body.state).to.eql("ended");',
    "pm.expect(body.verdicts.map((verdict) => verdict.code)).to.include(\"no_stun_from_business\");",
    ...tests,
  ],
});

const states = 'const states = body.states.map((each) => each.state).join(" ");';

/** @param {import("./editions.mjs").Edition} edition @returns {Flow} */
const setUp = ({ webhook: subscribing, readSettings, changeSettings, keyless }) => ({
  name: "Set-up",
  about: "A callback URL, calling switched on, and what a wrong setting is answered.",
  steps: [
    ...subscribing,
    {
      name: "Enable calling",
      about: "The callback permission is off, so that a user’s call does not by itself allow to call back.",
      address: changeSettings,
      body: {
        calling: { status: "ENABLED", call_icon_visibility: "DEFAULT", callback_permission_status: "DISABLED" },
      },
      status: 200,
      tests: [done],
    },
    webhook(
      "Webhook: the settings changed",
      'value.type === "phone_number_settings"',
      [
        'pm.expect(found.phone_number_settings.calling.status).to.eql("ENABLED");',
        'pm.expect(found.phone_number_settings.calling.callback_permission_status).to.eql("DISABLED");',
      ],
    ),
    {
      name: "Set the call hours",
      address: changeSettings,
      body: {
        calling: {
          call_hours: {
            status: "DISABLED",
            timezone_id: "America/Sao_Paulo",
            weekly_operating_hours: [{ day_of_week: "MONDAY", open_time: "0900", close_time: "1800" }],
          },
        },
      },
      status: 200,
      tests: [done],
    },
    {
      name: "Mistake: a time zone that does not exist",
      address: changeSettings,
      body: {
        calling: {
          call_hours: {
            status: "ENABLED",
            timezone_id: "Mars/Olympus_Mons",
            weekly_operating_hours: [{ day_of_week: "MONDAY", open_time: "0900", close_time: "1800" }],
          },
        },
      },
      status: 400,
      code: 100,
    },
    {
      name: "Read the settings",
      address: readSettings,
      status: 200,
      tests: [
        'pm.expect(body.calling.status).to.eql("ENABLED");',
        'pm.expect(body.calling.call_hours.timezone_id).to.eql("America/Sao_Paulo");',
      ],
    },
    { name: "Mistake: no token or key", address: { ...readSettings, auth: "none" }, status: 401, ...keyless },
  ],
});

/** @param {import("./editions.mjs").Edition} edition @returns {Flow} */
const userCalls = ({ calls }) => ({
  name: "A user calls",
  about: "connect webhook, pre_accept, accept, terminate.",
  steps: [
    {
      name: "The user calls",
      address: sandbox("POST", "/users/{{other}}/call"),
      body: { to: "{{business}}", deeplink_payload: "src=postman" },
      status: 200,
      tests: [keep("call_id", "body.call_id")],
    },
    webhook(
      "Webhook: connect, with the platform’s offer",
      '(value.calls || []).some((call) => call.id === pm.environment.get("call_id") && call.event === "connect")',
      [
        'pm.expect(found.calls[0].direction).to.eql("USER_INITIATED");',
        'pm.expect(found.calls[0].deeplink_payload).to.eql("src=postman");',
        'pm.expect(found.calls[0].session.sdp_type).to.eql("offer");',
        'pm.expect(found.calls[0].session.sdp).to.include("a=fingerprint:sha-256");',
      ],
    ),
    {
      name: "Mistake: an answer without a fingerprint",
      address: calls,
      body: onCall("pre_accept", answering(BROKEN)),
      status: 400,
      code: 100,
    },
    { name: "Pre-accept", address: calls, body: onCall("pre_accept", answering(ANSWER)), status: 200, tests: [whatsapp, done] },
    {
      name: "Mistake: accept with another SDP",
      address: calls,
      body: onCall("accept", answering(OTHER_ANSWER)),
      status: 400,
      code: 100,
    },
    { name: "Accept", address: calls, body: onCall("accept", answering(ANSWER)), status: 200, tests: [whatsapp, done] },
    {
      name: "Mistake: reject a call that is accepted",
      address: calls,
      body: onCall("reject"),
      status: 400,
      code: 100,
    },
    { name: "Terminate", address: calls, body: onCall("terminate"), status: 200, tests: [whatsapp, done] },
    { name: "Mistake: terminate twice", address: calls, body: onCall("terminate"), status: 400, code: 100 },
    webhook(
      "Webhook: terminate",
      '(value.calls || []).some((call) => call.id === pm.environment.get("call_id") && call.event === "terminate")',
      ['pm.expect(found.calls[0].status).to.eql("COMPLETED");', 'pm.expect(found.calls[0].duration).to.be.a("number");'],
    ),
    inspect([states, 'pm.expect(states).to.eql("offered pre_accepted accepted ended");']),
    {
      name: "Mistake: a call that never was",
      address: calls,
      body: { messaging_product: "whatsapp", call_id: "wacid.NONE", action: "terminate" },
      status: 400,
      code: 100,
    },
  ],
});

/** @param {import("./editions.mjs").Edition} edition @returns {Flow} */
const businessRejects = ({ calls }) => ({
  name: "A user calls, the business declines",
  about: "reject, and its webhook.",
  steps: [
    {
      name: "The user calls again",
      address: sandbox("POST", "/users/{{other}}/call"),
      body: { to: "{{business}}" },
      status: 200,
      tests: [keep("call_id", "body.call_id")],
    },
    { name: "Reject", address: calls, body: onCall("reject"), status: 200, tests: [whatsapp, done] },
    {
      name: "Mistake: accept after it",
      address: calls,
      body: onCall("accept", answering(ANSWER)),
      status: 400,
      code: 100,
    },
    webhook(
      "Webhook: terminate, never picked up",
      '(value.calls || []).some((call) => call.id === pm.environment.get("call_id") && call.event === "terminate")',
      ['pm.expect(found.calls[0].status).to.eql("COMPLETED");', "pm.expect(found.calls[0].start_time).to.eql(undefined);"],
    ),
  ],
});

/** @param {import("./editions.mjs").Edition} edition @returns {Flow} */
const permission = ({ calls, messages, permission: read }) => ({
  name: "Permission to call",
  about: "Without it no call; asked for in an open service window; given for seven days.",
  steps: [
    {
      name: "Read: no permission",
      address: read("{{caller}}"),
      status: 200,
      tests: [
        whatsapp,
        'pm.expect(body.permission.status).to.eql("no_permission");',
        'pm.expect(body.actions.find((each) => each.action_name === "start_call").can_perform_action).to.eql(false);',
      ],
    },
    { name: "Mistake: call without permission", address: calls, body: connecting(), status: 401, code: 138006 },
    {
      name: "Mistake: ask while the service window is closed",
      address: messages,
      body: asking,
      status: 400,
      code: 131047,
    },
    {
      name: "The user writes: the window opens",
      address: sandbox("POST", "/users/{{caller}}/message"),
      body: { to: "{{business}}", text: "Is the blue one back in stock?" },
      status: 200,
      tests: [done],
    },
    {
      name: "Ask for permission",
      address: messages,
      body: asking,
      status: 200,
      tests: [whatsapp, keep("request_id", "body.messages[0].id")],
    },
    { name: "Mistake: ask again on the same day", address: messages, body: asking, status: 400, code: 138009 },
    {
      name: "The user allows it for seven days",
      address: sandbox("POST", "/users/{{caller}}/permission"),
      body: { to: "{{business}}", action: "accept_temporary" },
      status: 200,
      tests: [done],
    },
    webhook(
      "Webhook: the user’s reply",
      '(value.messages || []).some((each) => (each.context || {}).id === pm.environment.get("request_id"))',
      [
        "const reply = found.messages[0].interactive.call_permission_reply;",
        'pm.expect(reply.response).to.eql("accept");',
        "pm.expect(reply.is_permanent).to.eql(false);",
        'pm.expect(reply.response_source).to.eql("user_action");',
      ],
    ),
    {
      name: "Read: temporary",
      address: read("{{caller}}"),
      status: 200,
      tests: [
        'pm.expect(body.permission.status).to.eql("temporary");',
        'pm.expect(body.permission.expiration_time).to.be.a("number");',
        'pm.expect(body.actions.find((each) => each.action_name === "start_call").can_perform_action).to.eql(true);',
      ],
    },
  ],
});

/** @param {import("./editions.mjs").Edition} edition @returns {Flow} */
const businessCalls = ({ calls }) => ({
  name: "The business calls",
  about: "connect, the platform’s answer, RINGING, ACCEPTED, terminate, price.",
  steps: [
    behave("The user’s phone will pick up after a moment", "{{caller}}", { answer: { after_ms: 300 } }),
    { name: "Mistake: an offer without a fingerprint", address: calls, body: connecting(BROKEN), status: 400, code: 100 },
    {
      name: "Connect",
      address: calls,
      body: connecting(),
      status: 200,
      tests: [whatsapp, 'pm.expect(body.calls[0].id).to.match(/^wacid\\./);', keep("call_id", "body.calls[0].id")],
    },
    { name: "Mistake: call the same user twice", address: calls, body: connecting(), status: 400, code: 138003 },
    webhook(
      "Webhook: connect, with the platform’s answer",
      '(value.calls || []).some((call) => call.id === pm.environment.get("call_id") && call.event === "connect")',
      [
        'pm.expect(found.calls[0].direction).to.eql("BUSINESS_INITIATED");',
        'pm.expect(found.calls[0].session.sdp_type).to.eql("answer");',
        'pm.expect(found.calls[0].biz_opaque_callback_data).to.eql("postman-1");',
      ],
    ),
    webhook(
      "Webhook: RINGING",
      '(value.statuses || []).some((each) => each.id === pm.environment.get("call_id") && each.status === "RINGING")',
      ['pm.expect(found.statuses[0].type).to.eql("call");'],
    ),
    webhook(
      "Webhook: ACCEPTED",
      '(value.statuses || []).some((each) => each.id === pm.environment.get("call_id") && each.status === "ACCEPTED")',
      ['pm.expect(found.statuses[0].recipient_id).to.eql(pm.environment.get("caller"));'],
    ),
    { name: "Hang up", address: calls, body: onCall("terminate"), status: 200, tests: [whatsapp, done] },
    webhook(
      "Webhook: terminate, with its duration",
      '(value.calls || []).some((call) => call.id === pm.environment.get("call_id") && call.event === "terminate")',
      ['pm.expect(found.calls[0].status).to.eql("COMPLETED");', 'pm.expect(found.calls[0].duration).to.be.a("number");'],
    ),
    inspect([
      states,
      'pm.expect(states).to.match(/accepted ended$/);',
      'pm.expect(body.price.currency).to.eql("USD");',
      "pm.expect(Number(body.price.amount)).to.be.above(0);",
    ]),
  ],
});

/** @param {import("./editions.mjs").Edition} edition @returns {Flow} */
const analytics = ({ analytics: address, points }) => ({
  name: "Analytics",
  about: "The connected calls of the day, by direction.",
  steps: [
    {
      name: "What day is it there?",
      address: sandbox("GET", "/clock"),
      status: 200,
      tests: [
        "const today = Math.floor(Date.parse(body.now) / 86400000) * 86400;",
        keep("day_start", "String(today - 86400)"),
        keep("day_end", "String(today + 2 * 86400)"),
      ],
    },
    {
      name: "Calls, cost and duration by day",
      address,
      status: 200,
      tests: [
        `const points = ${points};`,
        'for (const direction of ["USER_INITIATED", "BUSINESS_INITIATED"]) {',
        "  const mine = points.filter((point) => point.direction === direction);",
        "  pm.expect(mine.reduce((all, point) => all + point.count, 0), direction).to.be.at.least(1);",
        "}",
        'const paid = points.filter((point) => point.direction === "BUSINESS_INITIATED");',
        "pm.expect(paid.reduce((all, point) => all + point.cost, 0)).to.be.above(0);",
      ],
    },
  ],
});
