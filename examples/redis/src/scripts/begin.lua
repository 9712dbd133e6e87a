-- KEYS: the mark. ARGV: the entry.
-- The mark may belong to a later entry by now.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1
