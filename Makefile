# Each target does its own set-up; the second run of any is fast. Needed beforehand: make, and any Node with npm 9 or newer.
NODE := tools/node

.PHONY: start test bench check format clean

# The demo: a gateway on http://localhost:8080 in front of a small application. Ctrl-C ends it.
start:
	@$(NODE) examples/demo/start.ts

# Types, lint, import rules, all tests. Ends with a line that counts them.
test:
	@tools/debian-packages chromium=chromium openssl=openssl nginx=nginx-light
	@$(NODE) tools/test.ts

# Types, lint and import rules, without the tests.
check:
	@$(NODE) tools/test.ts --only-checks

# CPU per request against nginx, in one run. About five minutes.
bench:
	@tools/debian-packages nginx=nginx-light wrk=wrk taskset=util-linux
	@$(NODE) bench/request/run.ts

format:
	@$(NODE) node_modules/@biomejs/biome/bin/biome check --write .

# Everything that was made: dependencies, results, packed files. State of the demo is kept.
clean:
	rm -rf node_modules .make dist coverage
