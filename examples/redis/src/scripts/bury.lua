-- KEYS: the stream, the dead, the mark. ARGV: the group, the entry, the consumer, the delivery, the reason.
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)[1]
if not pending or pending[2] ~= ARGV[3] or pending[4] ~= tonumber(ARGV[4]) then
  return 0
end
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if entry then
  local dead = redis.call('XADD', KEYS[2], '*', 'reason', ARGV[5], 'entry', ARGV[2], 'deliveries', ARGV[4], unpack(entry[2]))
  redis.call('XDEL', KEYS[1], ARGV[2])
  if redis.call('GET', KEYS[3]) == ARGV[2] then
    redis.call('SET', KEYS[3], 'dead ' .. dead, 'KEEPTTL')
  end
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return 1
