-- Apply one batch of one partition: counts and progress move together, or not at all.
--
-- KEYS[1]  <prefix>{pN}          every key below it shares this hash tag, hence one Cluster slot
-- ARGV[1]  msgpack {start, next, end, lateness_ms, width_ms, author_window_ms, samples_per_service, entries}
-- entry    {kind, event_ms, source, ...}:
--            "h"  heartbeat
--            "x"  invalid record: counted, nothing else
--            "d"  deletion: report id, or the beginning of ids up to a "/"
--            "r"  report: id, author, is_repost, statements
-- statement {service, what, fingerprint or "", symptom or "", region or "", sample or "", kin or ""}
-- Returns  {"ok", watermark_ms} or {"fenced", stored next_offset or ""}.
local base = KEYS[1]
local batch = cmsgpack.unpack(ARGV[1])
local progress = base .. ':progress'
-- Bloom filters of three bits an author: 256 kB each, wrong for 1 % of 200,000 authors a partition.
local FILTER_BITS, FILTER_DAYS, DAY_MS = 2097152, 30, 86400000

-- No stored offset means that nobody began here, or that Redis lost what it had: either way the
-- batch is not the next one.
local stored = redis.call('HGET', progress, 'next_offset')
if not stored or tonumber(stored) ~= batch.start then
  return {'fenced', stored or ''}
end

local width = batch.width_ms
local max_event = tonumber(redis.call('HGET', progress, 'max_event_ms') or '-1')
local watermark = tonumber(redis.call('HGET', progress, 'watermark_ms') or '-1')
local day = tonumber(redis.call('HGET', progress, 'day') or '-1')
local tally = {}
local seen_sources = {}
local touched = {}

local function add(name, n) tally[name] = (tally[name] or 0) + n end

local function bucket_of(event_ms) return math.floor(event_ms / width) * width end

local function counted_before(author, key, event_ms)
  local last = redis.call('ZSCORE', key, author)
  if last and event_ms - tonumber(last) < batch.author_window_ms then return true end
  redis.call('ZADD', key, event_ms, author)
  touched[key] = true
  return false
end

local function keep_sample(start, service, sample)
  local key = base .. ':samples:' .. start
  for slot = 0, batch.samples_per_service - 1 do
    if redis.call('HSETNX', key, service .. '|' .. slot, sample) == 1 then return end
  end
end

-- Authors of this day join those of this month when the day is over, and these become the month
-- before after thirty days.
local function turn_day(event_ms)
  local now = math.floor(event_ms / DAY_MS)
  if now <= day then return end
  local today, month, before = base .. ':known:today', base .. ':known:month', base .. ':known:before'
  if redis.call('EXISTS', today) == 1 then
    redis.call('BITOP', 'OR', month, month, today)
    redis.call('DEL', today)
  end
  if day >= 0 and math.floor(now / FILTER_DAYS) > math.floor(day / FILTER_DAYS) then
    redis.call('DEL', before)
    if redis.call('EXISTS', month) == 1 then redis.call('RENAME', month, before) end
  end
  day = now
end

local function has(key, bits)
  local found = redis.call('BITFIELD', key,
    'GET', 'u1', bits[1], 'GET', 'u1', bits[2], 'GET', 'u1', bits[3])
  return found[1] == 1 and found[2] == 1 and found[3] == 1
end

-- Note that the author was heard today, and say whether nothing was heard of him before this day.
local function newcomer(author, wanted)
  local hash = redis.sha1hex(author)
  local bits = {}
  for i = 1, 3 do bits[i] = tonumber(string.sub(hash, 6 * i - 5, 6 * i), 16) % FILTER_BITS end
  redis.call('BITFIELD', base .. ':known:today',
    'SET', 'u1', bits[1], 1, 'SET', 'u1', bits[2], 1, 'SET', 'u1', bits[3], 1)
  if not wanted then return false end
  return not has(base .. ':known:month', bits) and not has(base .. ':known:before', bits)
end

local function in_words(statements)
  for _, statement in ipairs(statements) do
    if statement[7] ~= '' then return true end
  end
  return false
end

local function state(start, event_ms, author, statement, is_new)
  local service, what, fingerprint, symptom, region, sample, kin = unpack(statement)
  local counts = base .. ':bucket:' .. start
  if kin ~= '' then redis.call('HINCRBY', counts, service .. '|posts', 1) end
  if counted_before(author, base .. ':authors:' .. service .. '|' .. what, event_ms) then return end
  if kin ~= '' then redis.call('HINCRBY', counts, service .. '|kin:' .. kin, 1) end
  if kin ~= '' and is_new then redis.call('HINCRBY', counts, service .. '|newcomers', 1) end
  local field = service .. '|' .. what
  if fingerprint ~= '' then field = service .. '|text:' .. fingerprint end
  local n = redis.call('HINCRBY', counts, field, 1)
  if what ~= 'affected' or (fingerprint ~= '' and n > 1) then return end
  if symptom ~= '' then redis.call('HINCRBY', counts, service .. '|symptom:' .. symptom, 1) end
  if region ~= '' then redis.call('HINCRBY', counts, service .. '|region:' .. region, 1) end
  if sample ~= '' then keep_sample(start, service, sample) end
end

local function mark_bucket(start)
  local seconds = start / 1000
  redis.call('ZADD', base .. ':buckets', seconds, seconds)
  return string.format('%.0f', seconds)
end

-- The same post may come with another event time, from another host of its platform: known is what
-- any open bucket holds.
local function known(id)
  local start = redis.call('ZSCORE', base .. ':ids', id)
  return start and tonumber(start) * 1000 + width > watermark
end

local function report(entry, event_ms)
  local start_ms = bucket_of(event_ms)
  if start_ms + width <= watermark then add('n_late', 1) return end
  local start = mark_bucket(start_ms)
  if known(entry[4]) then add('n_duplicate', 1) return end
  redis.call('ZADD', base .. ':ids', start, entry[4])
  redis.call('HINCRBY', base .. ':bucket:' .. start, 'reports', 1)
  if entry[6] then add('n_repost', 1) return end
  if #entry[7] == 0 then return end
  add('n_tagged', 1)
  turn_day(event_ms)
  local is_new = newcomer(entry[5], in_words(entry[7]))
  for _, statement in ipairs(entry[7]) do state(start, event_ms, entry[5], statement, is_new) end
end

-- A deletion that comes late is noted in the first bucket that is still open: it has to reach the
-- watcher, whenever it comes.
local function erase(entry, event_ms)
  local start = mark_bucket(bucket_of(math.max(event_ms, watermark, 0)))
  redis.call('SADD', base .. ':deleted:' .. start, entry[4])
  add('n_deleted', 1)
end

for _, entry in ipairs(batch.entries) do
  local kind, event_ms, source = entry[1], entry[2], entry[3]
  if kind == 'x' then
    add('n_invalid', 1)
  else
    if kind == 'r' then
      add('n_reports', 1)
      report(entry, event_ms)
    elseif kind == 'd' then
      erase(entry, event_ms)
    elseif bucket_of(event_ms) + width > watermark then
      mark_bucket(bucket_of(event_ms))
    end
    -- A heartbeat is remembered under its own name: a source may live and have nothing to say.
    local name = kind == 'h' and 'heartbeat:' .. source or source
    seen_sources[name] = math.max(seen_sources[name] or -1, event_ms)
    max_event = math.max(max_event, event_ms)
    watermark = math.max(watermark, max_event - batch.lateness_ms)
  end
end

for name, n in pairs(tally) do redis.call('HINCRBY', progress, name, n) end
for name, event_ms in pairs(seen_sources) do
  local before = tonumber(redis.call('HGET', base .. ':sources', name) or '-1')
  if event_ms > before then
    redis.call('HSET', base .. ':sources', name, string.format('%.0f', event_ms))
  end
end
-- An open bucket reaches back behind the watermark by its width: what it may still ask for must stay,
-- or where batches are cut would change the counts.
local forget = string.format('%.0f', watermark - width - batch.author_window_ms)
for key in pairs(touched) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', forget)
  -- Wall clock, as a backstop only: a service that nobody names again must not keep its authors.
  redis.call('EXPIRE', key, 172800)
end
-- An id need be known only while its bucket is open: afterwards the same post is late.
local closed = string.format('%.0f', math.floor((watermark - width) / 1000))
redis.call('ZREMRANGEBYSCORE', base .. ':ids', '-inf', closed)
redis.call('HSET', progress,
  'day', string.format('%.0f', day),
  'next_offset', string.format('%.0f', batch.next),
  'end_offset', string.format('%.0f', batch['end']),
  'max_event_ms', string.format('%.0f', max_event),
  'watermark_ms', string.format('%.0f', watermark))
return {'ok', string.format('%.0f', watermark)}
