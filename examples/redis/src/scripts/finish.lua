-- KEYS: the stream, the mark. ARGV: the group, the entry.
-- Deleted first: an entry that is acknowledged and not deleted would wait for ever, and nobody would take it.
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if redis.call('GET', KEYS[2]) == ARGV[2] then
  redis.call('SET', KEYS[2], 'done', 'KEEPTTL')
end
return 1
