"""What a Redis server does in one step when entries are stored and removed."""

PREFIX = "{qstore}:"
"""Begins every key. The braces keep all of them on one node of a cluster."""

# One place for what removing an entry means. ARGV[1] is the common prefix.
_FORGET = """
local p = ARGV[1]
local function forget(key)
    local old = redis.call('HMGET', p .. 'entry:' .. key, 'size', 'tag')
    if old[1] then redis.call('DECRBY', p .. 'bytes', old[1]) end
    if old[2] then redis.call('SREM', p .. 'tag:' .. old[2], key) end
    redis.call('DEL', p .. 'entry:' .. key)
    redis.call('ZREM', p .. 'exact', key)
    redis.call('ZREM', p .. 'paid', key)
    redis.call('ZREM', p .. 'expiry', key)
end
"""
# ARGV: prefix, now, evict_paid, max_entries, max_bytes, tag, seconds, cost, number of entries, then
# for each key, value, paid, expiry; then pairs of key and time of use.
PUT = f"""{_FORGET}
local now, tag, n = ARGV[2], ARGV[6], tonumber(ARGV[9])
for i = 10, 9 + 4 * n, 4 do
    local key, value, paid, expiry = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    forget(key)
    redis.call('HSET', p .. 'entry:' .. key, 'value', value, 'size', #value, 'time', now,
               'seconds', ARGV[7], 'cost', ARGV[8])
    redis.call('INCRBY', p .. 'bytes', #value)
    redis.call('ZADD', p .. (paid == '1' and 'paid' or 'exact'), now, key)
    if expiry ~= '' then redis.call('ZADD', p .. 'expiry', expiry, key) end
    if tag ~= '' then
        redis.call('HSET', p .. 'entry:' .. key, 'tag', tag)
        redis.call('SADD', p .. 'tag:' .. tag, key)
    end
end
local stale = redis.call('ZRANGEBYSCORE', p .. 'expiry', '-inf', '(' .. now)
for _, key in ipairs(stale) do forget(key) end
for i = 10 + 4 * n, #ARGV, 2 do
    redis.call('ZADD', p .. 'exact', 'XX', ARGV[i + 1], ARGV[i])
    redis.call('ZADD', p .. 'paid', 'XX', ARGV[i + 1], ARGV[i])
end
local function is_over()
    local count = redis.call('ZCARD', p .. 'exact') + redis.call('ZCARD', p .. 'paid')
    return (ARGV[4] ~= '' and count > tonumber(ARGV[4]))
        or (ARGV[5] ~= '' and tonumber(redis.call('GET', p .. 'bytes') or 0) > tonumber(ARGV[5]))
end
while is_over() do
    local key = redis.call('ZRANGE', p .. 'exact', 0, 0)[1]
    if not key and ARGV[3] == '1' then key = redis.call('ZRANGE', p .. 'paid', 0, 0)[1] end
    if not key then return 0 end
    forget(key)
end
return 1
"""
CLEAR = f"""{_FORGET}
local keys = {{}}
if #ARGV == 2 then
    keys = redis.call('SMEMBERS', p .. 'tag:' .. ARGV[2])
else
    for _, name in ipairs({{'exact', 'paid'}}) do
        for _, key in ipairs(redis.call('ZRANGE', p .. name, 0, -1)) do table.insert(keys, key) end
    end
end
for _, key in ipairs(keys) do forget(key) end
return #keys
"""
