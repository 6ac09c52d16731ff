"""All thresholds of the diagnosis: meaning, unit, origin of the value, and what breaks when it changes.

"Convention" marks a value chosen by judgement and checked against the services of tests/targets
(`make matrix`). tests/diagnosis/test_thresholds.py tests both sides of each threshold that decides
whether a suspect is named.
"""

from __future__ import annotations

# Suspects
# -----------------------------------------------------------------------------------------------------------

#: Least probability of a class for a suspect to be named. Convention: a lower value names one of three equally likely classes.
LEAST_CONFIDENCE = 0.4
#: Least probability of the second class for it to be named as the runner-up. Convention; display only.
LEAST_RUNNER_UP = 0.01
#: Most suspects named. Convention: no run of the test services has more than two leaks; a longer list is noise.
MOST_SUSPECTS = 5
#: Greatest confidence of any suspect: the weights are judgement, so certainty would be a false claim.
GREATEST_CONFIDENCE = 0.99
#: Factor applied to the confidence of a suspect whose place is unknown. Convention.
UNPLACED_FACTOR = 0.9
#: Confidence of a suspect of class `unknown`: growth, endpoint and amount are measured, but not the class. Convention.
UNKNOWN_CONFIDENCE = 0.5
#: Added to the relative width of a place's interval when intervals are compared: its bytes are sampled, those of a series not.
SAMPLED_WIDTH = 0.25
#: Most items of one kind of evidence that are listed by name (places, label values). Display only.
MOST_NAMED = 3

# Signals and cases
# --------------------------------------------------------------------------------------------------

#: Least share of all growing bytes (or goroutines) for one place (or group) to be a signal. Below it, growth may be chance.
LEAST_PLACE_SHARE = 0.1
#: Least share of resident growth that all places together must explain for the heap to count as contributing to it.
LEAST_HEAP_SHARE = 0.2
#: Most places, and most groups, that are attributed to endpoints: each costs a regression of about 50 ms.
MOST_PLACES = 4
#: The heap grows by more than its fastest place if its lower bound is this many times that place's upper bound.
BEYOND_ONE_PLACE = 1.1
#: All endpoints contribute alike if the one that adds least adds at least this share of what the one that adds most does.
ALIKE_SHARE = 0.5
#: Least rise of a group of goroutines or threads, first to last snapshot: servers keep a few idle ones at any time.
LEAST_GROUP_RISE = 8
#: Least share of the growth that an endpoint must explain to be named a contributor.
LEAST_CONTRIBUTION = 0.05
#: Least share of a memory signal for a second case that rests on memory alone, in addition to another case.
LEAST_SECOND_SHARE = 0.2
#: Two counts belong together if their ratio is within this distance of a whole number, up to `MOST_RATIO`.
RATIO_TOLERANCE, MOST_RATIO = 0.15, 4
#: Resident memory alone names an endpoint if the lower bound of what its requests add is at least this share of the estimate.
#: Convention: in a 2-minute run over six endpoints a step of the arenas in one slot looked like a leak of 33 KiB (1.3 to 43).
RESIDENT_CLOSENESS = 0.5
#: Most bytes that one leaked goroutine, thread, connection or descriptor explains (a Go stack of 8 KiB with its buffers).
BYTES_PER_COUNT = 32 * 2**10
#: A managed heap is flat compared with resident memory if its upper bound is below this share of resident memory's lower bound.
FLAT_HEAP_SHARE = 0.5
#: A place is still filling up if what it adds per request at the end is at most this share of what it added at the beginning.
#: Linear growth gives 1; a cache of random keys that ends half full gives 0.5.
FILLING_RATIO = 0.7
#: Standard errors by which the slowdown of a place's growth must exceed zero to count.
FILLING_ERRORS = 2.5

# Growth of places over snapshots
# ------------------------------------------------------------------------------------

#: Least snapshots for a slope: two give a line without a standard error.
LEAST_SNAPSHOTS = 3
#: Most stacks of a profile that are examined, those that changed most first; a profile may hold 100,000.
MOST_STACKS = 400
#: Least sampled allocations that a place must gain to be distinguished from chance: with fewer, three in a row are luck.
LEAST_SAMPLES = 3
#: Least number of samples that appeared and stayed for the only place that gained any to be named if the heap surely grows (a
#: sample stands for whole objects, so a large object counts as more than one); and its least share of all such samples.
LEAST_LASTING, LASTING_ALONE = 0.9, 0.75
#: Log-odds at which a count is taken to accumulate rather than to rise and fall or to make a single step: 20 to 1, since
#: the run is known to grow.
ACCUMULATION_LOG_ODDS = 3.0
#: Most snapshots of one kind that are read, and most bytes of them: more take longer and add nothing new.
MOST_READ, MOST_READ_BYTES = 40, 64 * 2**20

# Attribution
# --------------------------------------------------------------------------------------------------------

#: Points that a regression needs in addition to one per endpoint.
SPARE_POINTS = 6
#: Variance inflation of the endpoints' counts beyond which amounts are left to whatever else drifts. Convention.
MOST_INFLATION = 3000.0
#: How many times longer a run is proposed if there is growth but no endpoint is certain: errors fall with n**1.5.
LONGER_RUN = 3.0
#: Most points of one regression; more are averaged in blocks.
MOST_POINTS = 240
#: Percentiles of a 95% interval.
LOW_PERCENTILE, HIGH_PERCENTILE = 2.5, 97.5
#: Share of its range by which the total of requests must be uneven for its cost to be separated from that of time.
UNEVEN_TOTAL = 0.02
#: Least share of the wall clock that remains in a request clock, so that no two samples have the same time.
WALL_CLOCK_SHARE = 0.02

# Owners of descriptors, connections and native memory
# ---------------------------------------------------------------

#: Most places that are compared as openers (of descriptors or connections).
MOST_OPENERS = 6
#: Least share of an opener's allocations that an endpoint must explain for it to be the opener behind that endpoint.
LEAST_OPENER_SHARE = 0.5
#: Least CPU samples that show a function opening things before it alone is blamed: with fewer, others may open them too.
LEAST_CPU_SAMPLES = 5
#: Least rise of descriptors of one type, or of sockets in CLOSE_WAIT, to be evidence.
LEAST_DESCRIPTORS = 3
#: Least rise of waiting timers to be evidence.
LEAST_TIMERS = 10
#: Least rise of requests that are kept on the heap to be evidence: more than are in flight at once by chance.
LEAST_REQUESTS = 20
#: Least bytes per request that unnamed framework objects must keep to count as whole requests: a request line and its headers.
WHOLE_REQUEST_BYTES = 256.0
#: Least rise, in bytes, of memory outside of the heap that a runtime publishes (direct buffers, external memory).
LEAST_OFF_HEAP = 2**20
#: Least ratio, per request, of the lower bound of memory kept outside of the heap to the upper bound of that kept on it, for
#: the heap's part to be taken for the objects that refer to that memory. A JVM's direct buffer of 2 KiB has 165 bytes of
#: them. If lower, caches that hold buffers are classed as native.
OFF_HEAP_TIMES = 3.0
#: Share of resident growth that `malloc_trim` must give back for it to be fragmentation rather than a leak.
TRIMMED_SHARE = 0.5
#: Least entries that a container gains, first to last snapshot, to be evidence.
LEAST_ENTRIES = 20
#: Least new values of a label within a run for the label to count as one whose values multiply.
LEAST_LABEL_VALUES = 10
#: Least rise of class loaders, first to last snapshot, to be evidence of a class-loader leak.
LEAST_CLASS_LOADERS = 5

# Pools that are a risk
# ----------------------------------------------------------------------------------------------

#: A pool is too large if its maximum is at least the first (enough to burden a database) and at most this share of it is used.
LARGE_POOL, HARDLY_USED = 100, 0.1
#: Least number of connections that were never used, and their least share of all, for them to count as needlessly idle.
LEAST_IDLE, MOSTLY_IDLE = 20, 0.8
#: Least samples of a pool for its risks to be judged.
LEAST_POOL_SAMPLES = 30

# Transient memory
# ---------------------------------------------------------------------------------------------------

#: Least bytes of a large answer (response body).
LARGE_ANSWER = 4 * 2**20
#: Least garbage per request that is reported, in bytes; where bytes are not counted, in seconds of collections per request.
WASTEFUL_BYTES, WASTEFUL_SECONDS = 2**19, 1e-3
#: Least share of an answer that is allocated, and least size of a piece as a share of it, for the answer to be built whole.
WHOLE_ANSWER, PIECE_OF_ANSWER = 0.8, 1 / 16
#: One place or endpoint makes the garbage if it makes this share of it, or this many times what the next one makes.
MOST_OF_GARBAGE, BY_FAR = 0.5, 2.0

# Drawing
# ------------------------------------------------------------------------------------------------------------

#: Most stacks and greatest depth of a flame graph, and least share of the whole for a box to be drawn.
MOST_FLAME_STACKS, DEEPEST_FLAME, NARROWEST_BOX = 40, 48, 0.005
#: Most rows of the table of places by endpoints.
MOST_TABLE_ROWS = 12
