/**
 * The collections' own SDP: what a gateway would send, complete with ICE and DTLS, but with nobody behind
 * it. The platform takes it; no media flows, and the call's verdict says so.
 */

const MEDIA = [
  "c=IN IP4 127.0.0.1",
  "a=rtcp:9 IN IP4 0.0.0.0",
  "a=rtcp-mux",
  "a=mid:audio",
  "a=sendrecv",
  "a=rtpmap:111 opus/48000/2",
  "a=fmtp:111 maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1",
  "a=rtpmap:126 telephone-event/8000",
  "a=ptime:20",
  "a=ssrc:871000001 cname:postman",
  "a=candidate:1 1 udp 2130706431 127.0.0.1 40100 typ host",
  "a=end-of-candidates",
  "a=ice-ufrag:gwUf",
  "a=ice-pwd:gwPasswordGwPasswordGwPw",
  "a=fingerprint:sha-256 10:21:32:43:54:65:76:87:98:A9:BA:CB:DC:ED:FE:0F:10:21:32:43:54:65:76:87:98:A9:BA:CB:DC:ED:FE:0F",
];

/** @param {string} setup @param {number} [session] */
function sdp(setup, session = 1) {
  const lines = [
    "v=0",
    `o=- 461100000000000000${session} 2 IN IP4 127.0.0.1`,
    "s=-",
    "t=0 0",
    "a=group:BUNDLE audio",
    "m=audio 40100 UDP/TLS/RTP/SAVPF 111 126",
    ...MEDIA,
    `a=setup:${setup}`,
  ];
  return `${lines.join("\r\n")}\r\n`;
}

export const OFFER = sdp("actpass");
export const ANSWER = sdp("active");
/** As good, but not the same: `accept` must repeat what `pre_accept` said. */
export const OTHER_ANSWER = sdp("active", 2);
/** No fingerprint: nothing could be encrypted. */
export const BROKEN = ANSWER.replace(/a=fingerprint:.*\r\n/, "");
