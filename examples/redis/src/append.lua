-- KEYS: the stream; the mark that says that the event is known.
-- ARGV: the event; how long the mark lives, in milliseconds; how many entries may wait.
-- A script runs as one step, also when Redis is killed and reads its log again: there is never a
-- mark without its entry. Nothing is trimmed: what was answered OK is never thrown away.
if redis.call('EXISTS', KEYS[2]) == 1 then
  return 'merged'
end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[3]) then
  return 'full'
end
local entry = redis.call('XADD', KEYS[1], '*', 'event', ARGV[1])
redis.call('SET', KEYS[2], entry, 'PX', ARGV[2])
return entry
