-- KEYS: the lease, the saved run. ARGV: who has it, for how many milliseconds more, the run, its life in milliseconds.
-- A worker that lost its lease must not overwrite what its successor saved.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[3] ~= '' then
  redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
end
return 1
