local codebudget = {}
do
  local token, format, sort, concat, kind, pairs_of, out = io.read("l") or "", string.format, table.sort, table.concat, type, pairs, io.stdout
  local function show(value)
    if kind(value) == "number" then
      if math.type(value) == "float" and value == math.floor(value) and value > -1e15 and value < 1e15 then
        return format("%d", value)
      end
      return math.type(value) == "float" and format("%.17g", value) or format("%d", value)
    elseif kind(value) == "string" then
      return (format("%q", value):gsub("\n", "n"))
    elseif kind(value) == "table" then
      local items = {}
      for key, item in pairs_of(value) do items[#items + 1] = "[" .. show(key) .. "] = " .. show(item) end
      sort(items)
      return "{" .. concat(items, ", ") .. "}"
    end
    return tostring(value)
  end
  function codebudget.line(text)
    out:write("\n", token, " ", text, "\n")
    out:flush()
  end
  function codebudget.answer(value) codebudget.line(show(value)) end
end
