module Codebudget
  TOKEN = (STDIN.gets || "").chomp
  def self.line(text)
    STDOUT.flush
    STDOUT.syswrite("\n#{TOKEN} #{text}\n")
  end
  def self.answer(value)
    line(show(value))
  end
  def self.show(value)
    case value
    when Float then value.finite? && value == value.to_i ? value.to_i.to_s : value.to_s
    when Array then "[" + value.map { |item| show(item) }.join(", ") + "]"
    when Hash then "{" + value.map { |key, item| show(key) + " => " + show(item) }.sort.join(", ") + "}"
    else value.inspect.gsub("\n", "\\n")
    end
  end
end
