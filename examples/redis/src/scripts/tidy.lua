-- KEYS: the stream. ARGV: the group, how long a consumer may be idle in milliseconds, the only consumer to look at.
-- XGROUP DELCONSUMER also drops what the consumer has taken: between a check and the removal nothing may happen.
local removed = 0
for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for field = 1, #fields, 2 do consumer[fields[field]] = fields[field + 1] end
  local meant = ARGV[3] == '' or ARGV[3] == consumer.name
  if meant and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    removed = removed + 1
  end
end
return removed
