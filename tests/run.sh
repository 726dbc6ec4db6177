#!/usr/bin/env bash
# Installs what is missing, builds, runs the tests; the last line is "N passed, N failed".
#
#   tests/run.sh            the CI tier: release build, all tests at a small scale, 10 s a fuzz target
#   tests/run.sh --full     the full tier: the numbers of docs/measurements.md; also asan and tsan;
#                           10 minutes a fuzz target
#   tests/run.sh --asan     all tests under AddressSanitizer and UBSan, at the CI scale
#   tests/run.sh --tsan     what does not run under CAF, under ThreadSanitizer
#   tests/run.sh --fuzz     only the fuzz targets
#
# --only REGEX runs the tests whose names match (ctest -R). The exit status is 0 only where at least
# one test ran and none failed. The tiers differ in scale, which the environment carries, not in code.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 70
export LC_ALL=C

suites=(release fuzz)
full=no
only=()
while [ $# -gt 0 ]; do
  case $1 in
    --full) full=yes; suites=(release asan tsan fuzz); shift ;;
    --asan) suites=(asan); shift ;;
    --tsan) suites=(tsan); shift ;;
    --fuzz) suites=(fuzz); shift ;;
    --only)
      [ $# -ge 2 ] || { echo "run.sh: --only needs a pattern" >&2; exit 64; }
      only=(-R "$2"); shift 2 ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 64 ;;
  esac
done

passed=0
failed=0
finish() {
  printf '%s\n' "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}
# A build that breaks is one failure, so that the last line tells of it.
broken() {
  printf '%s\n' "run.sh: $*" >&2
  failed=$((failed + 1))
}

if [ "$full" = yes ]; then
  export FLEETGATE_TIER=full FLEETGATE_ROUNDS=100 FLEETGATE_SEEDS=1000
fi

# The attribute is written last in ctest's file, as  tests="57" failures="0" disabled="0" skipped="1".
count_of() {
  sed -n "s/.*[[:space:]]$2=\"\([0-9]*\)\".*/\1/p;" <(tr '\n\t' '  ' <"$1" | sed 's/<testcase.*//') | head -n 1
}

run_suite() {
  local preset=$1 results
  printf '%s\n' "run.sh: building $preset"
  cmake --preset "$preset" || { broken "cmake --preset $preset failed"; return; }
  cmake --build --preset "$preset" || { broken "the $preset build failed"; return; }
  results=$PWD/build/$preset/results.xml
  rm -f "$results"
  # What --only names need not be in every suite.
  if [ ${#only[@]} -gt 0 ] && ctest --test-dir "build/$preset" -N "${only[@]}" | grep -qx "Total Tests: 0"; then
    printf '%s\n' "run.sh: nothing of that name in build/$preset"
    return
  fi
  ctest --test-dir "build/$preset" -j "$(nproc)" --output-on-failure --no-tests=error \
    --output-junit "$results" "${only[@]}"
  local status=$?
  if [ ! -s "$results" ]; then
    broken "ctest ran nothing in build/$preset"
    return
  fi
  local tests failures disabled skipped
  tests=$(count_of "$results" tests)
  failures=$(count_of "$results" failures)
  disabled=$(count_of "$results" disabled)
  skipped=$(count_of "$results" skipped)
  if [ -z "$tests" ] || [ -z "$failures" ]; then
    broken "cannot read $results"
    return
  fi
  passed=$((passed + tests - failures - ${disabled:-0} - ${skipped:-0}))
  failed=$((failed + failures))
  # ctest can fail without a failed test, for example when it found none.
  if [ $status -ne 0 ] && [ "$failures" -eq 0 ]; then
    broken "ctest ended with status $status in build/$preset"
  fi
}

./deploy/packages.sh build test || { broken "the packages could not be installed"; finish; }
for suite in "${suites[@]}"; do
  seconds=10
  [ "$full" = no ] || seconds=600
  FLEETGATE_FUZZ_SECONDS=$seconds run_suite "$suite"
done
finish
