-- For wrk: each request brings the cookies of one line of a file, any of them. Arguments: the file, a seed.
local lines = {}

function init(args)
  for line in io.lines(args[1]) do lines[#lines + 1] = line end
  math.randomseed(tonumber(args[2]))
end

function request()
  wrk.headers["Cookie"] = lines[math.random(#lines)]
  return wrk.format()
end
