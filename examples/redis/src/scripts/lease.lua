-- KEYS: the lease, the saved run. ARGV: who wants it, for how many milliseconds.
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return false
end
return redis.call('GET', KEYS[2]) or ''
