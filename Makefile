# Each target does its own set-up; the second run of any is fast. Needed beforehand: make, and any Node with npm 9 or newer.
NODE := tools/node

.PHONY: start test bench bench-request bench-cache bench-gateways bench-scale check format clean

# The demo: a gateway on http://localhost:8080 in front of a small application. Ctrl-C ends it.
start:
	@$(NODE) examples/demo/start.ts

# Types, lint, import rules, all tests. Ends with a line that counts them.
test:
	@tools/debian-packages chromium=chromium openssl=openssl nginx=nginx-light redis-server=redis-server
	@$(NODE) tools/test.ts

# Types, lint and import rules, without the tests.
check:
	@$(NODE) tools/test.ts --only-checks

# CPU per request against nginx, then what the cache spares, against Apache. About seven minutes.
bench: bench-request bench-cache

bench-request:
	@tools/debian-packages nginx=nginx-light wrk=wrk taskset=util-linux
	@$(NODE) bench/request/run.ts

# With sessions in Redis; the peer is left out where it is not installed: apache2, libapache2-mod-auth-openidc.
bench-cache:
	@tools/debian-packages nginx=nginx-light wrk=wrk taskset=util-linux redis-server=redis-server
	@$(NODE) bench/cache/run.ts

# Commands and messages with 1, 3 and 10 gateways. About a minute.
bench-gateways:
	@tools/debian-packages redis-server=redis-server
	@$(NODE) bench/gateways/run.ts

# A million sessions in one Redis. About ten minutes and 3 GB.
bench-scale:
	@tools/debian-packages nginx=nginx-light wrk=wrk taskset=util-linux redis-server=redis-server
	@$(NODE) bench/scale/run.ts

format:
	@$(NODE) node_modules/@biomejs/biome/bin/biome check --write .

# Everything that was made: dependencies, results, packed files. State of the demo is kept.
clean:
	rm -rf node_modules .make dist coverage
