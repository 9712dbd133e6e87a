-- KEYS: the stream, the dead, then the mark of each event.
-- ARGV: the life of a mark in milliseconds, how many entries may wait, 1 if replicas are waited for, then each event.
-- An entry is written before its mark: there is never a mark without its entry.
local function append(mark, event)
  -- With `pcall`, a mark that somebody has spoilt is written anew, and does not fail the events beside it.
  local known = redis.pcall('GET', mark)
  if type(known) == 'string' then
    local dead = string.match(known, '^dead (.+)$')
    local id = dead or known
    -- Somebody may have deleted the stream: then the mark alone is no reason to answer OK.
    if known == 'done' or #redis.pcall('XRANGE', dead and KEYS[2] or KEYS[1], id, id) > 0 then
      if ARGV[3] == '1' then
        -- By its documentation, WAIT is about what this connection wrote, and another one wrote the entry.
        redis.call('SET', mark, known, 'KEEPTTL')
      end
      return 'merged'
    end
  end
  if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2]) then
    return 'full'
  end
  local entry = redis.call('XADD', KEYS[1], '*', 'event', event)
  redis.call('SET', mark, entry, 'PX', ARGV[1])
  return 'added'
end

local outcomes = {}
for number = 3, #KEYS do
  outcomes[number - 2] = append(KEYS[number], ARGV[number + 1])
end
return outcomes
