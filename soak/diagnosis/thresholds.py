"""All thresholds of the diagnosis: meaning, unit, origin of the value, and what breaks when it changes.

"Convention" marks a value chosen by judgement and checked against the services of tests/targets
(`make matrix`). tests/diagnosis/test_thresholds.py tests both sides of each threshold that decides
whether a suspect is named.
"""

from __future__ import annotations

# Suspects
# -----------------------------------------------------------------------------------------------------------

#: Minimum probability of a class for a suspect to be named. Convention: a lower value names one of
#: three equal candidates.
LEAST_CONFIDENCE = 0.4
#: Minimum probability of the second class for it to be named as the runner-up. Convention; display
#: only.
LEAST_RUNNER_UP = 0.01
#: Maximum number of suspects. Convention: no run of the test services has more than two leaks; a
#: longer list is noise.
MOST_SUSPECTS = 5
#: Greatest confidence of any suspect: the weights are judgement, so certainty would be a false
#: claim.
GREATEST_CONFIDENCE = 0.99
#: Factor applied to the confidence of a suspect whose place is unknown. Convention.
UNPLACED_FACTOR = 0.9
#: Confidence of a suspect of class `unknown`: growth, endpoint and amount are measured, but not the
#: class. Convention.
UNKNOWN_CONFIDENCE = 0.5
#: Added to the relative width of a place's interval when intervals are compared, since its bytes
#: are sampled.
SAMPLED_WIDTH = 0.25
#: Maximum number of items listed for one kind of evidence (places, containers, categories). Display
#: only.
MOST_NAMED = 3

# Signals and cases
# --------------------------------------------------------------------------------------------------

#: Minimum share of all growing bytes (or goroutines) for one place (or group) to be a signal; a
#: smaller one may be chance.
LEAST_PLACE_SHARE = 0.1
#: Minimum share of a place's sampled objects that must be of classes which surely grow for it to be where
#: they are made. Higher: a constructor that also makes lists is passed over; lower: one sample decides.
LEAST_CLASS_SHARE = 0.25
#: Largest scatter of what V8's samples show of a place about the requests that leave entries in a container, as a
#: share of its rise: leaks of 2 MiB came to 0.05, work that is done anew every 10 s to 0.2. Higher: such work is named;
#: lower: the places of small leaks are not.
FOLLOWS_SHARE = 0.12
#: The same as a multiple of the scatter about the requests that it follows best: more by chance alone.
FOLLOWS_BEST = 1.25
#: Minimum share of resident growth that all places together must explain for the heap to count as
#: contributing to it.
LEAST_HEAP_SHARE = 0.2
#: Maximum number of places, and of groups, that are attributed to endpoints: each costs a
#: regression of about 50 ms.
MOST_PLACES = 4
#: The heap grows by more than its fastest place if its lower bound is this many times that place's
#: upper bound.
BEYOND_ONE_PLACE = 1.1
#: All endpoints contribute alike if the smallest amount is at least this share of the largest.
ALIKE_SHARE = 0.5
#: Minimum rise of a group of goroutines or threads, first to last snapshot: servers keep a few idle
#: ones at any time.
LEAST_GROUP_RISE = 8
#: Threads that wait for a connection for a pool to be called used up, in a run whose requests were not
#: answered: a server has at least eight to sixteen; one or two wait in any busy pool.
LEAST_WAITING = 4
#: Minimum share of the growth that an endpoint must explain to be named a contributor.
LEAST_CONTRIBUTION = 0.05
#: Minimum share of a memory signal for a case of memory alone to be kept next to other cases.
LEAST_SECOND_SHARE = 0.2
#: Two counts belong together if their ratio is within this distance of a whole number, up to
#: `MOST_RATIO`.
RATIO_TOLERANCE, MOST_RATIO = 0.15, 4
#: Resident memory alone names an endpoint if the lower bound of what its requests add is at least
#: this share of the estimate. Convention: in a 2-minute run over six endpoints a step of the arenas
#: in one slot looked like a leak of 33 KiB (1.3 to 43).
RESIDENT_CLOSENESS = 0.5
#: The same for a sampled place: a listener beside a cache of the same loader, which filled through
#: another endpoint, looked like a leak of 1.7 KiB (0.3 to 3.2) of that one.
SAMPLED_CLOSENESS = 0.25
#: Maximum bytes that one leaked goroutine, thread, connection or descriptor explains (a Go stack of
#: 8 KiB with its buffers).
BYTES_PER_COUNT = 32 * 2**10
#: A managed heap is flat compared with resident memory if its upper bound is below this share of
#: resident memory's lower bound.
FLAT_HEAP_SHARE = 0.5
#: A place is still filling up if what it adds per request at the end is at most this share of what
#: it added at the beginning. Linear growth gives 1; a cache of random keys that ends half full
#: gives 0.5.
FILLING_RATIO = 0.7
#: Standard errors by which the slowdown of a place's growth must exceed zero to count.
FILLING_ERRORS = 2.5

# Growth of places over snapshots
# ------------------------------------------------------------------------------------

#: Minimum number of snapshots for a slope: two give a line without a standard error.
LEAST_SNAPSHOTS = 3
#: Maximum number of stacks of a profile that are examined, those that changed most first; a profile
#: may hold 100,000.
MOST_STACKS = 400
#: Minimum net gain of a place in sampled allocations to be distinguished from chance: with fewer,
#: three in a row are luck.
LEAST_SAMPLES = 3
#: Minimum number of samples that appeared and stayed for the only place that gained any to be named
#: if the heap surely grows (a sample stands for whole objects, so a large object counts as more
#: than one); and its minimum share of all such samples.
LEAST_LASTING, LASTING_ALONE = 0.9, 0.75
#: Log-odds at which a count is taken to accumulate rather than to rise and fall or to make a single
#: step: 20 to 1, since the run is known to grow.
ACCUMULATION_LOG_ODDS = 3.0
#: Maximum number of snapshots of one kind that are read, and of their bytes: more take longer and
#: add nothing new.
MOST_READ, MOST_READ_BYTES = 40, 64 * 2**20

# Attribution
# --------------------------------------------------------------------------------------------------------

#: Points that a regression needs in addition to one per endpoint.
SPARE_POINTS = 6
#: Maximum variance inflation of the endpoints' counts: beyond it, anything else that drifts would
#: decide the amounts. Convention.
MOST_INFLATION = 3000.0
#: Factor on the length of the run that is proposed if there is growth but no endpoint is certain:
#: errors fall with n**1.5.
LONGER_RUN = 3.0
#: Maximum number of points of one regression; more are averaged in blocks.
MOST_POINTS = 240
#: Percentiles of a 95% interval.
LOW_PERCENTILE, HIGH_PERCENTILE = 2.5, 97.5
#: Share of its range by which the total of requests must be uneven for its cost to be separated
#: from that of time.
UNEVEN_TOTAL = 0.02
#: Minimum share of the wall clock that remains in a request clock, so that no two samples have the
#: same time.
WALL_CLOCK_SHARE = 0.02

# Owners of descriptors, connections and native memory
# ---------------------------------------------------------------

#: Maximum number of places that are compared as openers (of descriptors or connections).
MOST_OPENERS = 6
#: An endpoint that explains more than this share of the allocations of an opener's caller is the
#: one that it opens for.
LEAST_OPENER_SHARE = 0.5
#: Minimum bytes on the heap for each descriptor that is never closed, of the class that holds it: half of the
#: smallest object of a JVM, since a class may hold every other one.
LEAST_OBJECT_BYTES = 8.0
#: Minimum CPU samples that show a function opening things before it alone is blamed: with fewer,
#: others may open them too.
LEAST_CPU_SAMPLES = 5
#: Minimum rise of descriptors of one type, or of sockets in CLOSE_WAIT, to be evidence.
LEAST_DESCRIPTORS = 3
#: Minimum rise of waiting timers to be evidence.
LEAST_TIMERS = 10
#: The same as a share of all requests: requests under way have timers, too. Of 150 requests a second 35
#: more timers were under way at the end of two minutes, 0.2%. Lower: they are evidence of a leak.
TIMERS_SHARE = 0.005
#: The share of what grows that promises have to be, for them to be what stays registered. Where they were, they had
#: 30 and 36%; in a cache of answers 8%. Lower: caches are called contexts; higher: such contexts are caches.
PROMISES = 0.2
#: Minimum rise of requests that are kept on the heap to be evidence: more than are in flight at
#: once by chance.
LEAST_REQUESTS = 20
#: Minimum share of the requests on the heap after the drain that one place must keep to be the
#: place of the leak, and minimum number of requests that the heap must have gained in the run, as a
#: share of those on it. If lower, a list of the last thousand requests is blamed for another's leak.
KEEPS_SHARE, KEPT_IN_RUN = 0.5, 0.5
#: How far off the bytes may be that a JVM's object is told to hold: standard errors of the objects that
#: were looked at, and a share for what the layout of objects differs by (headers, references of 8 bytes).
#: The listeners, timers and sessions that were measured came to within 1%. Higher: intervals say little.
STANDARD_ERRORS, HOLDS_OFF = 2.0, 0.03
#: Minimum number of a JVM's sampled objects that one field must keep to be the place of the leak: a
#: JVM without a leak keeps a few of what it sets up.
LEAST_SAMPLED_OBJECTS = 10
#: Maximum share of a heap's growth that own code allocates itself for what keeps the rest to be the
#: place instead. If higher, a variable is named where a function fills it; if lower, a helper that
#: adds a buffer to each request is blamed for the whole request.
HELPER_SHARE = 0.5
#: Minimum bytes per request that unnamed framework objects must keep to count as whole requests: a
#: request line and headers.
WHOLE_REQUEST_BYTES = 256.0
#: Minimum rise, in bytes, of memory outside of the heap that a runtime publishes (direct buffers,
#: external memory).
LEAST_OFF_HEAP = 2**20
#: Minimum ratio, per request, of the lower bound of memory kept outside of the heap to the upper
#: bound of that kept on it, for the heap's part to be taken for the objects that refer to that
#: memory. A JVM's direct buffer of 2 KiB has 165 bytes of them. If lower, caches that hold buffers
#: are classed as native.
OFF_HEAP_TIMES = 3.0
#: Share of resident growth that `malloc_trim` must give back for it to be fragmentation rather than
#: a leak.
TRIMMED_SHARE = 0.5
#: Minimum number of entries that a container gains, first to last snapshot, to be evidence.
LEAST_ENTRIES = 20
#: A container is full if over the last third of the requests it gains less than this share of all its
#: new entries: a third if it gains evenly, an eighth if its keys repeat until it is 90% full. Higher:
#: caches of ever more repeated keys are taken for bounded ones; lower: a bounded cache that drops and
#: adds a few entries is named as the place of a leak.
FULL_SHARE = 0.05
#: A container drops its entries if it ends below its greatest length by more than this share of what
#: it had gained by then: those that expire are as many as came lately. Lower: one that is cleared of
#: a few entries now and then is no leak; higher: entries that expire are taken for a leak.
DROPPED_SHARE = 0.2
#: The same for a fall in the course of the run, after which the container may fill again. Lower: a
#: registry of which half is dropped once is no leak; higher: buckets that are swept once a minute are.
CLEARED_SHARE = 0.5
#: How much larger an entry may be than what was measured of it, and the largest of which nothing is
#: known (bytes), for a container to be what grows. Lower: entries that lead to much are left out; higher:
#: a container that gains a few entries by chance is the place of what grows elsewhere.
ENTRY_SEEN, LARGEST_ENTRY = 20.0, 131072.0
#: How far, in its own share, a container's gain per request may be from that of descriptors for it to
#: be what holds them: both are exact counts, attributed with errors of some percent.
AS_MANY = 0.15
#: Least and most share of the growth of resident memory that a container's entries explain for their
#: size to be the amount: what else grows as a service is young, and freed memory, are the rest. Lower or
#: higher: they are not what grows.
ENTRIES_EXPLAIN, ENTRIES_EXPLAIN_MOST = 0.25, 1.5
#: The least and the most that an entry may hold, as shares of what is known of it: in seven services the
#: truth was 0.9 to 2.6 times as much, as what entries share with nothing else is not all that they keep.
ENTRY_LEAST, ENTRY_MOST = 0.75, 2.5
#: An entry holds up to this many times what the objects that only it leads to add up to: allocators round
#: up, and what it shares with others for now is its own in the end.
UNSEEN_OF_ENTRIES = 1.25
#: Minimum number of new values of a label within a run for the label to count as one whose values
#: multiply.
LEAST_LABEL_VALUES = 10
#: Minimum rise of class loaders within a run to be evidence of a class-loader leak.
LEAST_CLASS_LOADERS = 5

# Pools that are a risk
# ----------------------------------------------------------------------------------------------

#: A pool is too large if its maximum is at least `LARGE_POOL` (a burden to a database) and less
#: than this share is ever used.
LARGE_POOL, HARDLY_USED = 100, 0.1
#: Minimum number of connections that were always idle, and their minimum share of all, for them to
#: be evidence.
LEAST_IDLE, MOSTLY_IDLE = 20, 0.8
#: Minimum number of samples of a pool for its risks to be judged.
LEAST_POOL_SAMPLES = 30

# Transient memory
# ---------------------------------------------------------------------------------------------------

#: Minimum mean size of an endpoint's answers, in bytes, for them to be large.
LARGE_ANSWER = 4 * 2**20
#: Minimum garbage per request that is reported, in bytes; if bytes are not counted, in seconds of
#: collections per request.
WASTEFUL_BYTES, WASTEFUL_SECONDS = 2**19, 1e-3
#: Minimum bytes allocated, and minimum size of a piece, as shares of an answer's size, for the
#: answer to be built whole.
WHOLE_ANSWER, PIECE_OF_ANSWER = 0.8, 1 / 16
#: Rayleigh's R of samples of memory, modulo the size of an answer, from which whole answers are held,
#: and how often the level must fall. Noise of a twentieth of an answer gives 0.95. Lower: a level
#: near one multiple for most of the time; fewer falls: what is cached, not built.
AT_ONE_PHASE, FEWEST_FALLS = 0.85, 5
#: One place or endpoint makes the garbage if it makes this share of it, or this many times what the
#: next one makes.
MOST_OF_GARBAGE, BY_FAR = 0.5, 2.0

# Drawing
# ------------------------------------------------------------------------------------------------------------

#: Maximum number of stacks and maximum depth of a flame graph, and minimum share of the whole for a
#: box to be drawn.
MOST_FLAME_STACKS, DEEPEST_FLAME, NARROWEST_BOX = 40, 48, 0.005
#: Maximum number of rows of the table of places by endpoints.
MOST_TABLE_ROWS = 12
#: A pool that fills up opens its connections early: those that are lost are this many times as many at
#: the end as at first, and at least this share of their gain falls into the last third of the run.
TIMES_AS_MANY, LATE_SHARE = 2.0, 0.2
#: What own places gained is at most this many times what one function's opened resources hold, for that
#: function to be the one that does not close them: two thirds.
HOLDS_MOST = 1.5
#: Bytes of the smallest block that CPython's allocator gives out.
LEAST_BLOCK = 16
