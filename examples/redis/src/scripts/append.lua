-- KEYS: the stream, the event's mark, the dead.
-- ARGV: the event, the life of the mark in milliseconds, how many entries may wait, 1 if replicas are waited for.
-- Redis runs a script as one step, and replays it as one step: there is never a mark without its entry.
local known = redis.call('GET', KEYS[2])
if known then
  local dead = string.match(known, '^dead (.+)$')
  local id = dead or known
  -- Somebody may have deleted the stream: then the mark alone is no reason to answer OK.
  if known == 'done' or #redis.call('XRANGE', dead and KEYS[3] or KEYS[1], id, id) > 0 then
    if ARGV[4] == '1' then
      -- By its documentation, WAIT is about what this connection wrote, and another one wrote the entry.
      redis.call('SET', KEYS[2], known, 'KEEPTTL')
    end
    return 'merged'
  end
end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[3]) then
  return 'full'
end
local entry = redis.call('XADD', KEYS[1], '*', 'event', ARGV[1])
redis.call('SET', KEYS[2], entry, 'PX', ARGV[2])
return 'added'
