-- KEYS: the stream, the mark. ARGV: the group, the entry.
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
if redis.call('GET', KEYS[2]) == ARGV[2] then
  redis.call('SET', KEYS[2], 'done', 'KEEPTTL')
end
return 1
