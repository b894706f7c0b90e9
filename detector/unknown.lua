-- Count names beside words of outage: distinct authors of each, in spans of event time.
--
-- KEYS[1]  <prefix>{unknown}     every key below it shares this hash tag, hence one Cluster slot
-- ARGV[1]  msgpack {names, expire, rows}; names: how many are kept of a span, expire: seconds
-- row      {start of its span, author, key, as it was written}
--
-- May be repeated: an author is a member of a HyperLogLog. Where a span has too many names the rarest
-- makes room and leaves its number to the new one (Metwally et al., Space-Saving, 2005).
local base = KEYS[1]
local batch = cmsgpack.unpack(ARGV[1])
local judged = tonumber(redis.call('GET', base .. ':judged') or '-1')
local touched = {}

local function make_room(names, start)
  if redis.call('ZCARD', names) < batch.names then return 0 end
  local rarest, n = unpack(redis.call('ZPOPMIN', names))
  redis.call('DEL', base .. ':authors:' .. start .. ':' .. rarest)
  redis.call('HDEL', base .. ':shown:' .. start, rarest)
  return tonumber(n)
end

for _, row in ipairs(batch.rows) do
  local start, author, key, shown = unpack(row)
  if start > judged then
    start = string.format('%.0f', start)
    local names, authors = base .. ':names:' .. start, base .. ':authors:' .. start .. ':' .. key
    if not redis.call('ZSCORE', names, key) then
      redis.call('ZADD', names, make_room(names, start), key)
      redis.call('HSET', base .. ':shown:' .. start, key, shown)
      touched[authors] = true
    end
    if redis.call('PFADD', authors, author) == 1 then redis.call('ZINCRBY', names, 1, key) end
    redis.call('ZADD', base .. ':spans', start, start)
    touched[names] = true
    touched[base .. ':shown:' .. start] = true
  end
end

-- Wall clock, as a backstop only: what nobody judges must not stay.
for key in pairs(touched) do redis.call('EXPIRE', key, batch.expire) end
