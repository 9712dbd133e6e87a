-- KEYS: the dead, the stream, the mark. ARGV: the dead entry.
local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not entry then
  return false
end
local fields = {}
-- The first three pairs say why it is dead.
for field = 7, #entry[2] do
  fields[#fields + 1] = entry[2][field]
end
local id = redis.call('XADD', KEYS[2], '*', unpack(fields))
redis.call('XDEL', KEYS[1], ARGV[1])
if redis.call('GET', KEYS[3]) == 'dead ' .. ARGV[1] then
  redis.call('SET', KEYS[3], id, 'KEEPTTL')
end
return id
