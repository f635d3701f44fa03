-- Attacks in Lua. Standard input names one; it prints "through" if it got what it wanted, and anything else if not.
local program = "/run/program/main.lua"
local function writes(path) return io.open(path, "a") ~= nil end
local function reads(path) local file = io.open(path, "rb"); return file ~= nil and file:read(1) ~= nil end
local function forever() while true do end end
local function deep(n) return deep(n + 1) + 1 end
local attacks = {
    ["T loops"] = forever,
    ["T loops in a coroutine"] = function() return coroutine.wrap(forever)() end,
    ["T loops when it is collected"] = function() setmetatable({}, { __gc = forever }); collectgarbage() end,
    ["T matches slowly"] = function() string.find(("a"):rep(100000), (".-"):rep(12) .. "b"); forever() end,
    ["M takes tables"] = function() local kept = {}; while true do kept[#kept + 1] = ("x"):rep(1 << 20) .. #kept end end,
    ["M takes one text"] = function() local text = "x"; while true do text = text .. text end end,
    ["M takes a huge text"] = function() return #("x"):rep(1 << 40) > 0 end,
    ["M catches and goes on"] = function() local kept = {}; while true do pcall(function() kept[#kept + 1] = ("x"):rep(1 << 24) .. #kept end) end end,
    ["M recurses without end"] = function() local function down(n) return down(n + 1) + 1 end; return down(0) end,
    ["M fills the disk in memory"] = function() for n = 0, 1e9 do local file = io.open("/dev/shm/" .. n, "w"); if not (file and file:write(("x"):rep(1 << 20)) and file:close()) then return false end end end,
    ["O floods its output"] = function() while true do io.write(("x"):rep(65536)) end end,
    ["O floods its errors"] = function() while true do io.stderr:write(("x"):rep(65536)) end end,
    ["F writes to the root"] = function() return writes("/x") end,
    ["F writes its own program"] = function() return writes(program) end,
    ["F removes its program"] = function() return os.remove(program) == true end,
    ["F writes to the supervisor's files"] = function() return writes("/run/box/passwd") end,
    ["F writes to a kernel setting"] = function() return writes("/proc/sys/kernel/core_pattern") end,
    ["F loads native code"] = function() local from, to = io.open("/usr/bin/lua5.4", "rb"), io.open("/tmp/x.so", "wb"); to:write(from:read("a")); to:close(); return package.loadlib("/tmp/x.so", "*") == true end,
    ["F makes files without end"] = function() for n = 1, 100000 do local file = io.open("/tmp/" .. n, "w"); if not file then return false end; file:close() end; return true end,
    ["F opens descriptors without end"] = function() local kept = {}; for n = 1, 5000 do kept[n] = io.open("/dev/null"); if not kept[n] then return false end end; return true end,
    ["F uses a shell"] = function() return os.execute("true") == true end,
    ["F reads from a shell"] = function() local file = io.popen("echo x"); return file ~= nil and file:read("l") == "x" end,
    ["L reads the environment of process 1"] = function() return reads("/proc/1/environ") end,
    ["L reads the memory of process 1"] = function() return reads("/proc/1/mem") end,
    ["X leaves a file"] = function() writes("/tmp/left"); return false end,
    ["X finds a file"] = function() return reads("/tmp/left") or io.open("/tmp/left") ~= nil end,
    ["C exits early"] = function() os.exit(0, false) end,
    ["C throws an error"] = function() error("through") end,
    ["C loads broken code"] = function() return load(string.dump(deep):gsub("[^\27Lua]", "\255"), "x", "b")() end,
    ["C writes its result elsewhere"] = function() return writes("/proc/1/fd/1") end,
}
local attack = attacks[io.read("l")]
print(attack and attack() and "through" or "held")
