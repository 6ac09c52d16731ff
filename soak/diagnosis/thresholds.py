"""Every threshold of the diagnosis: what it means, its unit, where its value comes from, and what breaks when it moves.

"Convention" marks a value chosen by judgement and checked against the services of tests/targets
(`make matrix`); the tests of tests/diagnosis/test_thresholds.py hold each side of those that decide
whether anybody is suspected.
"""

from __future__ import annotations

# Suspects
# -----------------------------------------------------------------------------------------------------------

#: Least probability of a class for a suspect to be named. Convention: lower names classes that are a toss-up of three.
LEAST_CONFIDENCE = 0.4
#: Least probability of the second class for it to be named as the runner-up. Convention; display only.
LEAST_RUNNER_UP = 0.01
#: Most suspects named. Convention: no run of the test services has more than two leaks; a longer list is noise.
MOST_SUSPECTS = 5
#: No suspect is surer than this: the weights are judgement, so certainty would be a false claim.
GREATEST_CONFIDENCE = 0.99
#: Factor on the confidence of a suspect whose place is not known. Convention.
UNPLACED_FACTOR = 0.9
#: Confidence of a suspect of class `unknown`: growth, endpoint and amount are measured, the class is open. Convention.
UNKNOWN_CONFIDENCE = 0.5
#: Added to the relative width of a place's interval when intervals are compared: its bytes are a sample's, a series' are not.
SAMPLED_WIDTH = 0.25
#: Most evidence of one kind said at length (names of places, label values). Display only.
MOST_NAMED = 3

# Signals and cases
# --------------------------------------------------------------------------------------------------

#: Least share of all growing bytes (or goroutines) for one place (or group) to be a signal. Below, places wander by chance.
LEAST_PLACE_SHARE = 0.1
#: Least share of resident growth that all places together must explain for the heap to have a part in it.
LEAST_HEAP_SHARE = 0.2
#: Most places, and most groups, that are attributed to endpoints: each costs a regression of about 50 ms.
MOST_PLACES = 4
#: The heap grows beyond its fastest place when its lower bound is this many times that place's upper bound.
BEYOND_ONE_PLACE = 1.1
#: All endpoints contribute alike when the cheapest adds at least this share of what the dearest adds.
ALIKE_SHARE = 0.5
#: Least rise of a group of goroutines or threads, first to last snapshot: servers keep a few idle ones at any time.
LEAST_GROUP_RISE = 8
#: Least share of the growth that an endpoint must explain to be named a contributor.
LEAST_CONTRIBUTION = 0.05
#: Least share of a memory signal for a second case of memory alone beside another case.
LEAST_SECOND_SHARE = 0.2
#: Two counts go together when their ratio is within this of a whole number, up to `MOST_RATIO`.
RATIO_TOLERANCE, MOST_RATIO = 0.15, 4
#: Resident memory alone names an endpoint when the lower bound of what its requests add is at least this share of the estimate.
#: Convention: in a run of 2 min over six endpoints a step of the arenas in one slot passed for a leak of 33 KiB (1.3 to 43).
RESIDENT_CLOSENESS = 0.5
#: Most bytes that one leaked goroutine, thread, connection or descriptor explains (a Go stack of 8 KiB with its buffers).
BYTES_PER_COUNT = 32 * 2**10
#: A managed heap is flat beside resident memory when its upper bound is below this share of resident memory's lower bound.
FLAT_HEAP_SHARE = 0.5
#: A place is still filling when it adds at most this share as much a request at the end as at the beginning. Linear growth
#: gives 1; a cache of random keys that ends half full gives 0.5.
FILLING_RATIO = 0.7
#: Standard errors by which the slowing of a place must exceed zero to count.
FILLING_ERRORS = 2.5

# Growth of places over snapshots
# ------------------------------------------------------------------------------------

#: Least snapshots for a slope: two give a line without an error.
LEAST_SNAPSHOTS = 3
#: Most stacks of a profile that are looked at, those that moved most first; a profile may hold 100,000.
MOST_STACKS = 400
#: Least sampled allocations that a place must gain to be told from chance: with fewer, three in a row are luck.
LEAST_SAMPLES = 3
#: Least samples that came and stayed for the only place that gained any to be named, where the heap surely grows; a sample
#: stands for whole objects, so that large ones count as more than one. And the least share of all such samples it must have.
LEAST_LASTING, LASTING_ALONE = 0.9, 0.75
#: Log-odds at which a count that accumulates is told from one that comes and goes, or from a single step: 20 to 1, since
#: the run is known to grow.
ACCUMULATION_LOG_ODDS = 3.0
#: Most snapshots of a kind that are read, and most bytes of them: more take longer and tell nothing new.
MOST_READ, MOST_READ_BYTES = 40, 64 * 2**20

# Attribution
# --------------------------------------------------------------------------------------------------------

#: Points needed beside one for each endpoint.
SPARE_POINTS = 6
#: Variance inflation of the endpoints' counts beyond which amounts are left to whatever else drifts. Convention.
MOST_INFLATION = 3000.0
#: A run of this many times the length is proposed where growth is there and no endpoint is sure: errors fall with n**1.5.
LONGER_RUN = 3.0
#: Most points of one regression; more are averaged in blocks.
MOST_POINTS = 240
#: Percentiles of an interval: 95%.
LOW_PERCENTILE, HIGH_PERCENTILE = 2.5, 97.5
#: Share of its range by which the total of requests must be uneven for its cost to be told from time's.
UNEVEN_TOTAL = 0.02
#: Least share of the wall's clock that remains in a request clock, so that no two samples fall on one moment.
WALL_CLOCK_SHARE = 0.02

# Owners of descriptors, connections and native memory
# ---------------------------------------------------------------

#: Most places that are compared as openers.
MOST_OPENERS = 6
#: Least share of an opener's allocations that an endpoint must explain for it to be the opener behind that endpoint.
LEAST_OPENER_SHARE = 0.5
#: Least CPU samples in which a function was met opening things before it alone is blamed: met less, others may open too.
LEAST_CPU_SAMPLES = 5
#: Least rise of descriptors of one type, or of sockets in CLOSE_WAIT, to be evidence.
LEAST_DESCRIPTORS = 3
#: Least rise of waiting timers to be evidence.
LEAST_TIMERS = 10
#: Least rise of requests that are kept on the heap to be evidence: more than are in flight at once by chance.
LEAST_REQUESTS = 20
#: Least bytes a request that unnamed framework objects must keep to count as whole requests: a request line and its headers.
WHOLE_REQUEST_BYTES = 256.0
#: Least rise, in bytes, of memory outside of the heap that a runtime publishes (direct buffers, external memory).
LEAST_OFF_HEAP = 2**20
#: How many times as much must surely be kept outside of the heap as may be on it, per request, for the heap's part to be the
#: objects that refer to it. A JVM's direct buffer of 2 KiB has 165 bytes of them. Lower: caches that hold buffers are native.
OFF_HEAP_TIMES = 3.0
#: Share of resident growth that `malloc_trim` must give back for it to be fragmentation and not a leak.
TRIMMED_SHARE = 0.5
#: Least entries that a container gains, first to last snapshot, to be evidence.
LEAST_ENTRIES = 20
#: Least new values of a label within a run for it to be one that multiplies.
LEAST_LABEL_VALUES = 10
#: Least class loaders more, first to last snapshot, to be evidence of a class-loader leak.
LEAST_CLASS_LOADERS = 5

# Pools that are a risk
# ----------------------------------------------------------------------------------------------

#: Least maximum of a pool that a database suffers from, and the most share of it used, for the pool to be too large.
LARGE_POOL, HARDLY_USED = 100, 0.1
#: Least connections that were never used, and their least share of all, for them to be idle for nothing.
LEAST_IDLE, MOSTLY_IDLE = 20, 0.8
#: Least samples of a pool.
LEAST_POOL_SAMPLES = 30

# Transient memory
# ---------------------------------------------------------------------------------------------------

#: Bytes from which an answer is large.
LARGE_ANSWER = 4 * 2**20
#: Bytes a request from which its garbage is worth a word; seconds of collections a request, where bytes are not counted.
WASTEFUL_BYTES, WASTEFUL_SECONDS = 2**19, 1e-3
#: Least share of an answer that is allocated, and least size of a piece as a share of it, for it to be built whole.
WHOLE_ANSWER, PIECE_OF_ANSWER = 0.8, 1 / 16
#: One place or endpoint makes the garbage if it makes this share of it, or this many times the next one's.
MOST_OF_GARBAGE, BY_FAR = 0.5, 2.0

# Drawing
# ------------------------------------------------------------------------------------------------------------

#: Most stacks and depth of a flame graph, and least share of the whole for a box.
MOST_FLAME_STACKS, DEEPEST_FLAME, NARROWEST_BOX = 40, 48, 0.005
#: Most rows of the table of places by endpoints.
MOST_TABLE_ROWS = 12
