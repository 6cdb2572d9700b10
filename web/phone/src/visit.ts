/**
 * What does the address ask for? `?as=WA_ID` says whose phone this is. A deep link, `/call/DIGITS` or
 * `?call=DIGITS`, names a business to call, and `biz_payload` travels with that call.
 */
export interface Visit {
  as: string | null;
  call: string | null;
  payload: string | null;
}

export function readVisit(location: Location): Visit {
  const query = new URLSearchParams(location.search);
  const path = /^\/call\/\+?(\d+)\/?$/.exec(location.pathname);
  const call = path?.[1] ?? query.get("call");
  return { as: query.get("as"), call, payload: call ? (query.get("biz_payload") ?? "") : null };
}
