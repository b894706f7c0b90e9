-- Apply one batch of one partition: counts and progress move together, or not at all.
--
-- KEYS[1]  <prefix>{pN}          every key below it shares this hash tag, hence one Cluster slot
-- ARGV[1]  msgpack {start, next, end, lateness_ms, width_ms, author_window_ms, samples_per_service, entries}
-- entry    {kind, event_ms, source, ...}:
--            "h"  heartbeat
--            "x"  invalid record: counted, nothing else
--            "d"  deletion: report id, or the beginning of ids up to a "/"
--            "r"  report: id, author, is_repost, statements
-- statement {service, what, fingerprint or "", symptom or "", region or "", sample or ""}
-- Returns  {"ok", watermark_ms} or {"fenced", stored next_offset or ""}.
local base = KEYS[1]
local batch = cmsgpack.unpack(ARGV[1])
local progress = base .. ':progress'

-- No stored offset means that nobody began here, or that Redis lost what it had: either way the
-- batch is not the next one.
local stored = redis.call('HGET', progress, 'next_offset')
if not stored or tonumber(stored) ~= batch.start then
  return {'fenced', stored or ''}
end

local width = batch.width_ms
local max_event = tonumber(redis.call('HGET', progress, 'max_event_ms') or '-1')
local watermark = tonumber(redis.call('HGET', progress, 'watermark_ms') or '-1')
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

local function state(start, event_ms, author, statement)
  local service, what, fingerprint, symptom, region, sample = unpack(statement)
  if counted_before(author, base .. ':authors:' .. service .. '|' .. what, event_ms) then return end
  local counts = base .. ':bucket:' .. start
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
  if #entry[7] > 0 then add('n_tagged', 1) end
  for _, statement in ipairs(entry[7]) do state(start, event_ms, entry[5], statement) end
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
local forget = string.format('%.0f', max_event - batch.lateness_ms - batch.author_window_ms)
for key in pairs(touched) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', forget)
  -- Wall clock, as a backstop only: a service that nobody names again must not keep its authors.
  redis.call('EXPIRE', key, 172800)
end
-- An id need be known only while its bucket is open: afterwards the same post is late.
local closed = string.format('%.0f', (watermark - width) / 1000)
redis.call('ZREMRANGEBYSCORE', base .. ':ids', '-inf', closed)
redis.call('HSET', progress,
  'next_offset', string.format('%.0f', batch.next),
  'end_offset', string.format('%.0f', batch['end']),
  'max_event_ms', string.format('%.0f', max_event),
  'watermark_ms', string.format('%.0f', watermark))
return {'ok', string.format('%.0f', watermark)}
