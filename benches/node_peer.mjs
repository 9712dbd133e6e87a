// The callback in careful Node code, for the plot: `node benches/node_peer.mjs` prints
// nanoseconds per callback as JSON, the median of 21 rounds.
import { createHash } from "node:crypto";

const APP = 1400701118;
const TOKEN = "xxxxyyyy";
const NOW = 1669872112;
const QUERY =
  "SdkAppid=1400701118&CallbackCommand=Group.CallbackAfterGroupFull&contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI";
const SIGNATURE =
  "&Sign=17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061&RequestTime=1669872112";
const BODY = Buffer.from(
  '{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL","EventTime":1670574414123}',
);

function handle(rawQuery, rawBody, token) {
  const query = new URLSearchParams(rawQuery);
  if (Number(query.get("SdkAppid")) !== APP) return fail(403, "wrong SdkAppid");
  if (token) {
    const time = query.get("RequestTime");
    const sign = createHash("sha256").update(token + time).digest("hex");
    if (sign !== query.get("Sign")) return fail(403, "wrong signature");
    if (Math.abs(NOW - Number(time)) > 60) return fail(403, "stale signature");
  }
  const command = query.get("CallbackCommand");
  if (command !== "Group.CallbackAfterGroupFull") return ok();
  if ((query.get("contenttype") ?? "json").toLowerCase() !== "json") return fail(415, "not JSON");
  const body = JSON.parse(rawBody);
  if (body.CallbackCommand !== command || !body.GroupId) return fail(400, "malformed body");
  onGroupFull({ groupId: body.GroupId, eventTime: body.EventTime && Number(body.EventTime), clientIp: query.get("ClientIP") });
  return ok();
}

function ok() {
  return [200, Buffer.from(JSON.stringify({ ActionStatus: "OK", ErrorInfo: "", ErrorCode: 0 }))];
}

function fail(status, ErrorInfo) {
  return [status, Buffer.from(JSON.stringify({ ActionStatus: "FAIL", ErrorInfo, ErrorCode: 1 }))];
}

let seen = 0;
const onGroupFull = (event) => (seen += event.groupId.length);

function time(rawQuery, token) {
  const CALLS = 20_000;
  const rounds = Array.from({ length: 25 }, () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < CALLS; i++) if (handle(rawQuery, BODY, token)[0] !== 200) throw new Error("refused");
    return Number(process.hrtime.bigint() - start) / CALLS;
  });
  return rounds.slice(4).sort((a, b) => a - b)[10]; // the first four rounds warm up the compiler
}

console.log(JSON.stringify({ unsigned: time(QUERY), signed: time(QUERY + SIGNATURE, TOKEN), node: process.version }));
