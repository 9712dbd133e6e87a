-- KEYS: the stream.
-- ARGV: the group, the consumer, where to start, how many at most, the time before the second try and the longest
-- one in milliseconds, how many deliveries there may be.
local at_most, first, longest, max = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local page = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], '+', 100)
local claimed, last = {}, nil
for number, pending in ipairs(page) do
  local id, idle, tries = pending[1], pending[3], pending[4]
  local due = first
  if tries > 1 and tries < max then
    due = math.min(first * 4 ^ (tries - 1), longest)
  end
  if idle >= due then
    local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
    if entry then
      redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id)
      local event = false
      for field = 1, #entry[2], 2 do
        if entry[2][field] == 'event' then event = entry[2][field + 1] end
      end
      claimed[#claimed + 1] = {id, tries + 1, event}
    else
      -- Deleted by hand: Redis 6.2 would list it for ever.
      redis.call('XACK', KEYS[1], ARGV[1], id)
    end
  end
  last = id
  if #claimed == at_most and number < #page then
    return {'(' .. last, claimed}
  end
end
return {#page == 100 and '(' .. last or '', claimed}
