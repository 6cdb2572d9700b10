/**
 * What the gateway says of a call or of a request, by its codes: verdicts with their evidence and cure, and
 * why a request was refused. `{…}` stands for a fact of the verdict, `{who}` for the side it is about.
 */
export interface VerdictWords {
  text: string;
  /** Left out where a fact in it is not known. */
  evidence: string;
  /** `{network}`: what to do about that side's network. */
  fix: string;
}

export const said = {
  parties: { whatsapp: "the user’s side", agent: "the agent" },
  network: {
    whatsapp: "Let UDP in and out for the gateway’s media ports, and set its public address. The doctor looks at both.",
    agent: "Let the agent’s browser reach the gateway’s UDP port for browsers; where a firewall does not, set up a TURN server.",
  },
  verdicts: {
    connect_not_taken: {
      text: "The gateway never took this call.",
      evidence: "No leg was opened for it: its webhook was too old, or never came.",
      fix: "Look at the clocks of both sides; webhooks must reach the gateway in time.",
    },
    ice_never_connected: {
      text: "There was never a path for audio to {who}.",
      evidence: "ICE checks of theirs that reached us: {checks}. None made a path.",
      fix: "{network}",
    },
    dtls_failed: {
      text: "The keys for audio to {who} were never agreed (DTLS).",
      evidence: "The far end ended the handshake with alert {alert}.",
      fix: "Nothing between may rewrite the SDP’s fingerprint or drop UDP packets above 1,200 bytes.",
    },
    wrong_codec: {
      text: "Another codec came from {who}.",
      evidence: "Packets of payload type {type} came, which no SDP agreed.",
      fix: "Send with the payload types of the answer: Opus, 111 in WhatsApp’s offers.",
    },
    unauthentic: {
      text: "The audio from {who} could not be decrypted.",
      evidence: "{packets} packets failed SRTP’s check.",
      fix: "Do not use an SDP or keys of an earlier try for this call.",
    },
    silent: {
      text: "No audio came from {who}.",
      evidence: "{packets} packets in the whole call.",
      fix: "Either the microphone there is off, or another program has it, or UDP to us is lost. {network}",
    },
    microphone_silent: {
      text: "From {who} only silence came.",
      evidence: "{packets} packets came, with {bytes} bytes each: coded silence, not speech.",
      fix: "Check that the right microphone is chosen and not muted, there.",
    },
    unsent: {
      text: "No audio was sent to {who}.",
      evidence: "",
      fix: "Nobody spoke: the other side had no path, or the flow has no prompt there.",
    },
    lossy: {
      text: "{percent} % of the audio from {who} was lost on the way.",
      evidence: "{lost} of {all} packets.",
      fix: "Use a cable or a better Wi-Fi there; look at the load of the networks between.",
    },
    lossy_to: {
      text: "{percent} % of the audio to {who} was lost on the way.",
      evidence: "",
      fix: "Use a cable or a better Wi-Fi there; look at the load of the networks between.",
    },
    jitter: {
      text: "The audio from {who} came unevenly ({ms} ms of jitter).",
      evidence: "",
      fix: "Use a cable or a better Wi-Fi there; look at the load of the networks between.",
    },
    one_way: {
      text: "One side was heard, {who} was not.",
      evidence: "Packets from the user: {from_user}, from the agent: {from_agent}.",
      fix: "{network}",
    },
    cut_at_20_seconds: {
      text: "The call was cut for want of audio, not hung up.",
      evidence: "It lasted {seconds} s; {sent} packets were sent to WhatsApp and {came} came.",
      fix: "{network}",
    },
    waiting: { text: "The call waits: {what}.", evidence: "", fix: "" },
    flow_not_asked: {
      text: "The flow of the configuration answered, not the endpoint’s.",
      evidence: "{cause}",
      fix: "Answer within the timeout with status 200 and a flow, or with 204.",
    },
  } satisfies Record<string, VerdictWords>,
  /** What a call waits for, by the gateway’s words. */
  waits: {
    "the answer to pre_accept": "the platform has not answered pre_accept",
    "an agent to answer": "an agent is to answer",
    "this agent to answer": "this agent is to answer",
    "the answer to accept": "the platform has not answered accept",
    "the audio path to WhatsApp": "the way of the sound to WhatsApp is not open",
    "the agent's browser to come back": "the agent’s browser is to come back",
    "an agent to take over": "an agent is to take over",
    "the other agent to answer": "the other agent is to answer",
    "the answer to connect": "the platform has not answered connect",
    "the user's phone to ring": "the user’s phone is to ring",
    "the user to pick up": "the user is to pick up",
    "the time to send terminate again": "terminate will be sent again",
    "the platform's terminate webhook": "the platform’s terminate webhook is to come",
    "a word of the trunk": "a telephone of the house is to answer, or talks with the user",
    "the telephone to hang up": "the telephone of the house is to hang up",
    "a word of the bot": "the bot talks with the user",
    "the prompt should have ended": "a prompt plays",
    "the prompt of the question should have ended": "a question plays",
    "the caller's next key": "the caller is to press a key",
    "the end of the echo": "the caller hears an echo",
    "the next word about the position": "the caller waits in a queue",
    "a word of the queue": "the caller waits in a queue",
    "the greeting should have ended": "a greeting plays",
    "the beep should have ended": "the beep plays",
    "the longest message": "the caller leaves a message",
  },
  /** Why the endpoint’s flow could not be used. */
  flowFaults: {
    late: "The flow endpoint gave no whole answer in time.",
    failed: "The flow endpoint could not be reached, or answered with an error.",
    too_big: "The flow endpoint’s answer is too big.",
    invalid: "The flow endpoint’s answer is no flow.",
  },
  /** What to do after an end for this reason. */
  cures: {
    platform_unreachable: "Check base_url, the network and the platform’s status.",
    platform_refused: "Send accept within the platform’s 30 to 60 s, once, with the SDP of pre_accept.",
    session_unusable: "The platform’s SDP is not what we can speak; keep it and report it.",
    no_media_from_whatsapp: "Let UDP in and out for the gateway’s media ports, and set its public address. The doctor looks at both.",
    whatsapp_media_failed: "Let UDP in and out for the gateway’s media ports, and set its public address. The doctor looks at both.",
    agent_media_failed: "Let the agent’s browser reach the gateway’s UDP port for browsers; where a firewall does not, set up a TURN server.",
    agent_gone: "The agent’s page was closed, or its network failed.",
    no_socket: "Widen the range of media ports, or raise the limit of open files.",
    nobody_answered: "Have an agent be available, or set a flow.",
  },
  /** Why a request was refused. */
  problems: {
    unauthorised: "You are not signed in.",
    forbidden: "Your role may not do this.",
    log_in: "That name and password do not fit together.",
    internal: "The gateway has a fault. Its log says more.",
    store: "The gateway cannot read or write its data. Its log says more.",
    unreachable: "The platform does not answer.",
    "parked.already": "A call to this user waits for consent already.",
    "parked.full": "As many calls as may be wait for consent.",
    "parked.not_waiting": "This call waits no longer.",
    "recording.key_missing": "The recording is encrypted with a key this gateway does not have.",
    "recording.bucket_missing": "The recording lies in a bucket, and this gateway has none configured.",
    "recording.bucket_refused": "The bucket that has the recording refuses the gateway’s request.",
    "recording.bucket_unreachable": "The bucket that has the recording does not answer.",
    "recording.lost": "The bucket no longer has the recording’s files.",
    "recording.unreadable": "The recording’s files cannot be read, or were changed since.",
    "callback.already": "This person waits for a callback in this queue already.",
    "callback.full": "As many callbacks as may be wait.",
    "callback.not_waiting": "This callback waits no longer.",
    too_many_waiting: "As many connections of this bot wait as may.",
    too_many_readers: "Too many read along already.",
    busy: "You are in another call.",
    taken: "That no longer rings.",
    over: "The call is over.",
    draining: "The gateway is being restarted and takes no new calls.",
    offer: "The way for the call’s sound could not be opened.",
    from: "Choose one of our numbers to call from.",
    malformed: "The gateway did not understand this page. Load it again.",
    out_of_place: "Not possible as the call stands.",
    budget: "This month’s budget is spent: no calls go out until next month.",
    "guard.unanswered": "The user left our last calls unanswered; one more may cost the permission to call. Let the user call or write first.",
    "window.open": "The user has not been in touch for 24 hours.",
    "permission.required": "The user has not allowed calls.",
    "permission.already_permanent": "The user always allows your calls.",
    "limits.connected_per_day": "The user was called as often as a day allows.",
    "limits.requests": "The user was asked often enough for now.",
    "agent.offline": "This agent has no console open.",
    "user.exists": "Somebody on this gateway has this sign-in name.",
    "user.in_file": "This one is in the configuration file, which alone changes it.",
    "user.self": "Another administrator must do this, so that one is left.",
    "user.name": "This name cannot be used: it is empty or too long.",
    "user.skills": "A skill cannot be used: 1 to 64 characters each, at most 50, separated by commas.",
    "user.password": "This password cannot be used: it is too short or too long.",
    "key.too_many": "There are as many keys as may be. Revoke one first.",
    "key.name": "This name cannot be used: it is empty or too long.",
    "key.scope": "A key needs scopes, and only such as there are.",
    no_account: "The number’s account is not configured.",
    not_offered: "This platform does not offer it.",
    no_flow: "There is no flow to look at.",
  },
};

/** Ends that went otherwise than people wish, in short and in a sentence, where it says more than the gateway’s. */
export const reasons = {
  caller_gave_up: { short: "Caller gave up", text: "" },
  user_rejected: { short: "Declined", text: "" },
  user_did_not_answer: { short: "No answer", text: "" },
  agent_cancelled: { short: "Cancelled", text: "" },
  telephone_hung_up: { short: "Telephone hung up", text: "" },
  telephone_cancelled: { short: "Telephone cancelled", text: "" },
  nobody_answered: { short: "Nobody answered", text: "" },
  agent_gone: { short: "Agent left", text: "" },
  platform_refused: { short: "Refused", text: "" },
  platform_unreachable: { short: "Not reachable", text: "" },
  platform_reported: { short: "Failed", text: "" },
  session_unusable: { short: "Failed", text: "" },
  platform_silent: { short: "Failed", text: "" },
  no_media_from_whatsapp: { short: "No sound", text: "" },
  whatsapp_media_failed: { short: "Sound lost", text: "" },
  agent_media_failed: { short: "Sound lost", text: "" },
  no_socket: { short: "Failed", text: "" },
  gateway_stopped: { short: "Gateway stopped", text: "" },
  gateway_died: { short: "Gateway restarted", text: "" },
};

/** Ends as people end calls; `{who}` is the agent. */
export const ends = {
  user_hung_up: "The user hung up.",
  agent_hung_up: "{who} hung up.",
  program_hung_up: "A program of the business ended the call.",
  flow_hung_up: "The flow hung up.",
};
