"""The thresholds of growth: meaning, unit, origin of each value, and what breaks if it changes.

"Corpus" is the labelled series of tests/bench (`make bench-verdict`), on whose development part a
value was calibrated. Probabilities are of "the level does not keep growing" (`Trend.p_no_growth`).
"""

from __future__ import annotations

#: Probability below which growth is certain (used by Holm's procedure over all series). Corpus.
#: Higher: false alarms in near-unit-root noise; lower: leaks of 8 standard errors become
#: inconclusive.
CERTAIN = 0.15
#: Probability above which a level has settled. Corpus. Higher: healthy series become inconclusive;
#: lower: leaks under a warm-up pass.
SUSPICIOUS = 0.5
#: Probability given to growth that the recording cannot decide: between CERTAIN and SUSPICIOUS, so
#: always inconclusive.
CANNOT_TELL = 0.25
#: Probability given to a level that is settling: just above SUSPICIOUS, so a pass unless other
#: evidence shows growth.
SETTLING = 0.6

#: Growth by this share of the level within `limits.survive` is too much: it would grow by half.
#: Convention (VERDICT.md).
GROWS_BY = 0.5

#: Samples, and points after reduction, below which nothing is fitted. Convention: about two per
#: parameter of a line and its noise. Fewer: the noise model decides alone.
FEWEST_SAMPLES, FEWEST_POINTS = 10, 5
#: Standard errors at which a leak is surely seen: the resolution is the slope's standard error
#: times this. Corpus: leaks of twice the stated resolution are caught in over 95%. Lower: promised
#: resolutions are not kept.
RESOLVED_AT = 4.5
#: How much the errors of several runs' growth correlate. Seven nights of leaking services: the
#: vouched bound holds in 98 to 99%. Lower: in 97%, as leaks that begin late are underestimated each
#: night; higher: a week vouches for no more than a night.
SHARED_ERROR = 0.1

#: How much longer an undecided recording probably has to be, in its own lengths: where it moved in
#: too few steps, and where its growth slows down. Of undecided parts of the corpus's series two
#: thirds are decided after what is advised (`make bench-advice`), and hardly more after twice that;
#: of those with too few steps two fifths, so that this "may tell". Lower: the advice is not kept;
#: higher: runs last longer than they have to.
STEPS_LONGER, FILLING_LONGER = 2.0, 3.0
#: The same, at least, where an interval has to become narrower, and where a pass would be hollow:
#: less is within the recording's own chance.
EDGE_LONGER, HOLLOW_LONGER = 1.0, 1.0
#: Factor on the time after which the bound of a hollow pass should have shrunk enough.
HOLLOW_MARGIN = 1.5
#: Most that is advised, in lengths of the recording so far: it cannot predict what comes after.
MOST_LONGER = 9.0
#: Up to this many times as far out of reach, MOST_LONGER is advised for a hollow pass; beyond, none.
HOPELESS = 4.0

#: Share of a machine's processors that are busy from which on requests wait for one: at 70% of one
#: processor a request waits twice its own time (queueing). Higher: a p99 that another program
#: raised fails; lower: a target that becomes slower beside a busy neighbour is not told.
CROWDED_BUSY = 0.7
#: Share of the processors by which other programs' part has to rise for it to explain a climb of
#: latency: a fifth of a processor of two; a database that answers the target rises by less in
#: minutes. Higher: a neighbour's half processor still fails the target; lower: noise of the clock,
#: which counts in hundredths of a second, excuses it.
CROWDING_MORE = 0.1

#: Seconds after a snapshot within which the next sample of a count may still include the snapshot's
#: own connection. Descriptors by type are read every 5 s if there are many, as often as snapshots
#: are taken. Higher: all such samples are lost; lower: soak's own connection is counted.
COUNT_SETTLES = 2.0

#: Entries that a cache which never drops any must gain, and the slowest third's gain as a share of
#: the fastest's, for a rise of memory with it not to be warm-up. At 100 a third's share scatters by
#: a sixth; keys that repeat make later thirds slower, to 0.9 if a sixth of all keys is known.
#: Lower: a cache that will fill up is called a leak; higher: such leaks are found later.
KEPT_ENTRIES, KEPT_EVENLY = 100.0, 0.9

#: Seconds of load for which a run that soak drives is young: JITs, pools, arenas and caches of the
#: services recorded (Go, JVM, Node, Python) settled within them. Shorter: healthy young services
#: fail; longer: leaks take longer to be found.
WARMUP_SECONDS = 600.0
#: How much a young service's memory may rise, as a share of its level when judging began, fading to
#: 0 at WARMUP_SECONDS: resident memory of healthy Go, Node and JVM services rose by up to half
#: after the ramp. Lower: young services fail.
WARMUP_RISE = 0.5
#: The same for a rise that is equally fast in each third of the judged stretch, which no observed
#: warm-up was.
WARMUP_EVEN_RISE = 0.1
#: How much garbage a young process may hold before its first collection, in bytes, if nothing
#: reports collections: Go collects at 4 MiB of heap, and takes a little more; larger runtimes are
#: larger than it by more. Lower: healthy small services fail in their first minute (7 MiB that rose
#: by 1.3 in 40 s); higher: small leaks are found later.
FIRST_COLLECTION = 8.0 * 2**20
#: Memory of a young process that a collector gave back once: the fall as a share of the rise before
#: it, and as a share of the level. After it, memory may rise by up to this multiple of the rise
#: before the fall: collectors let a heap that has grown double and more until they collect again.
#: In a healthy Express service at 20 requests/s it rose by 20 MiB, fell by 17 and rose by 35. Lower
#: factor: such services fail; higher: leaks with a collection are found later.
FELL_BACK, FELL_BACK_LEAST, NEXT_RISE = 0.5, 0.1, 3.0
#: WARMUP_RISE and WARMUP_EVEN_RISE for a heap that each snapshot measured after a collection: in
#: healthy Node and Go services it rose by 3 to 4% in two minutes at 150 requests/s, ever more
#: slowly. Lower: young services fail; higher: leaks of 2 MiB in 10 are missed.
LIVE_RISE, LIVE_EVEN_RISE = 0.2, 0.05
#: The rise of the last third, as a share of the first third's, below which a young heap after
#: collections has warmed up: healthy Node and JVM services came to 0.1. Higher: leaks under a
#: warm-up pass; lower: healthy services stay open.
SETTLED_THIRD = 0.15
#: The same for a third's rise along a line through the last half, for levels of which neighbours may
#: be alike by chance: entries that never expire beside pages that do came to 0.36. Higher: such leaks
#: pass as warmed up; lower: healthy services stay open.
SETTLED_HALF = 0.25
#: Seconds of load for which a heap after collections may creep: after an hour the rate of what is
#: met for the first time is a sixtieth of the first minute's. Shorter: healthy Node services stay
#: open; longer: slow leaks may be called creep.
CREEP_SECONDS = 3600.0
#: The share of a stretch after which creep is separated from growth: what comes before belongs to
#: the first requests.
CREEP_BEGINS = 0.1
#: How much a creep may rise in the last two thirds, as a share of the level. Healthy Node, Python
#: and JVM services came to 1.5%; memoizee without bounds, 170 B per request in two minutes, came to
#: 5%. Higher: such leaks pass with a short horizon; lower: healthy services stay open.
CREEP_RISE = 0.025
#: The level that counts for a smaller heap (bytes): Go does not collect one of under 4 MiB by itself,
#: and 2.5% of it are 100 KiB. Higher: small heaps' leaks pass with a short horizon; lower: idle Go
#: services with 1.6 MiB stay open.
CREEP_LEAST = 4 * 2.0**20
#: What glibc's malloc keeps for each thread (bytes), which it counts as given out: 7 chunks of each of
#: 64 sizes up to 1,032 B (malloc.c, the thread cache). Under healthy Flask and Django on 4 threads it
#: came to 0.8 MiB in two minutes. Higher: small leaks of C libraries pass; lower: such services stay open.
THREAD_CACHE = 7 * 16.0 * sum(range(2, 66))
#: All falls as a share of all rises, up to which garbage does not hide a level: metaspace, pages
#: that are touched once.
HARDLY_FALLS = 0.05
#: The share of all requests that a target must have answered before the recording for its process
#: to count as older than the recording. Convention: half. Lower: a process that has only just begun
#: counts as old, and its warm-up fails.
WORKED_BEFORE = 0.5
#: The slowest third's rise as a share of the fastest third's, from which on a rise is even. A cache
#: that fills with a time constant of the run's length comes to 0.5.
EVEN_THIRDS = 0.75

#: Full collections in the judged stretch below which growth of memory never fails: with one, all of
#: it may be garbage.
FEWEST_COLLECTIONS = 2
#: Full collections below which a rising heap never passes: two floors make no trend.
FEW_COLLECTIONS = 5
#: The rise from the first quarter to the last, as a share of the level, above which a heap with few
#: collections counts as rising.
HEAP_RISES = 0.1
#: The share of a process's rise that its heap must reach to explain it.
BY_HEAP = 0.5

#: Bytes of a process that are neither heap nor file: its data segments, and stacks of threads not
#: made by the runtime.
OUTSIDE_HEAP = 2.0**20
#: The rise of resident memory alone, above a steady live heap, as a share of the level, that proves
#: nothing: after an hour, and at the beginning of it. Healthy Go services crept by up to a tenth in
#: 10 minutes (tests/data/real).
RESIDENT_ALONE, RESIDENT_ALONE_AT_FIRST, RESIDENT_ALONE_SECONDS = 0.1, 0.5, 3600.0
#: Minimum share of resident memory that a process's own snapshots must have measured to explain it. A
#: collected JVM gives back more than half; the idle first process of a server with several workers is a
#: sixth of them all.
LEAST_OF_PROCESS = 1 / 3
#: How far the last quarter may lie above the first for a companion of resident memory to count as
#: steady.
COMPANION_RISE = 1.05

#: Requests in flight, last third against first, as a factor and in number, from which on a target
#: is overloaded; and the share of requests without an answer in time. Convention: half is also
#: "mostly" in the rule of errors.
IN_FLIGHT_FACTOR, IN_FLIGHT_MORE, MOSTLY_TIMEOUTS = 2.0, 5.0, 0.5

#: How much the highest number of connections so far must rise in the judged stretch, as a share of
#: its initial value, before a level may follow it. Lower: a leak may hide behind a chance burst;
#: higher: bursts on an overloaded machine look like leaks.
PEAK_CONNECTIONS = 0.5

#: Log plausibility of each slow saturation if a series bends; how much better (log evidence) than a
#: line a curve must explain a series for it to bend; how much better than all that settles growth
#: must then be. Corpus, kinds of caches that fill. Lower: caches of random keys fail; higher: leaks
#: under a long warm-up become inconclusive.
SLOW_SATURATION, BENDS, BETTER_THAN_SATURATION = -3.9, 2.0, 6.0
#: Probability of no growth from which a level counts as settled although its slope, given growth,
#: lies wholly above zero: the sawtooth of a few collections. Lower: series that still climb (0.95
#: seen) pass as steady.
SURELY_SETTLED = 0.99

#: A series is rounded if it takes at most this share of values relative to its samples, all
#: multiples of its smallest step (to a thousandth), and more than this share of its blocks of this
#: many samples do not move. Then no noise carries the level across the grain, and averages are no
#: finer. Fewer samples: noise with a memory is taken for rounding, and leaks in it pass.
ROUNDED_VALUES, ROUNDED_MULTIPLE, ROUNDED_REPEATED, ROUNDED_BLOCK = 0.2, 1e-3, 0.5, 10
#: What a level that never moves may be rounded to: whole, tenth and hundredth parts of the sizes
#: that free, docker stats, kubectl top and dashboards print. Fewer: 512 MiB in whole MiB vouches as
#: if each byte had been seen.
WRITTEN_SIZES, WRITTEN_DIGITS = (2.0**30, 2.0**20, 2.0**10, 1e9, 1e6, 1e3), (0, 1, 2)

#: How far a count may move around its level, and how often it must be at its lowest in the last
#: third, to have gained nothing: an event loop's tasks, of which one more or less is running.
#: Higher: a leak of this size hides in its noise.
FLICKER, FLICKER_BACK = 2, 2
#: Parts of a stretch that are each compared with a count's usual level, the fewest samples in one,
#: and the share of them at that level beyond which the part shows no gain. Fewer parts: a leak that
#: begins late hides; a smaller share: a gain of one hides for half a part.
LEVEL_PARTS, LEVEL_SAMPLES, LEVEL_SHARE = 6, 6, 0.5

#: Blocks in which a standstill is searched, and the share of them for which it must last.
PLATEAU_BLOCKS, PLATEAU_SHARE = 48, 0.25
#: The rise before a plateau, in units of the plateau's scatter and as a share of the range of all
#: values; the slope, in standard errors, above which a plateau still rises; and the fall, as a
#: share of the range, that ends a rise. Corpus, kind climb_drop_climb. A smaller rise or a looser
#: slope passes leaks in noise and leaks that continue under a fill.
PLATEAU_RISE, PLATEAU_HEIGHT, PLATEAU_RISES, PLATEAU_DROP = 15.0, 0.4, 1.5, 0.3
#: How far above its lowest a count may be, as a share of its rise, for the rise not to have begun. A pool
#: of threads that had grown by one of 23 in 50 s grew by the others in 26 s, and then stood still for 37 s.
PLATEAU_STARTS = 0.1

#: A first fall ends within this share of the samples, and is more than this multiple of the range
#: of all that follows: connections that a service closes as its load begins. Lower: the fall of a
#: sawtooth or of noise is taken for the end of a start.
FALL_SHARE, FALL_HEIGHT = 0.25, 2.0

#: Samples in the running median that finds spikes, a spike's height in usual distances from it, and
#: the share of samples that may be spikes. Corpus, kind rare_spikes. Lower: steps are taken for
#: spikes.
SPIKE_WINDOW, SPIKE_HEIGHT, SPIKES_AT_MOST = 7, 8.0, 0.1

#: Blocks in which a level shift is searched, and the fewest of them on either side of it: a twelfth
#: of the stretch.
SHIFT_BLOCKS, SHIFT_FEWEST = 48, 4
#: The least scatter of blocks, as a share of the range of all.
SHIFT_SCATTER = 0.02
#: Most steps of a level shift: more are a staircase.
SHIFTS_AT_MOST = 3
#: Fewest steps up of a staircase that may go on, and the probability of another step until now from
#: which it has ended. Fewer, or a higher probability: arenas and tables that doubled stay open;
#: otherwise leaks in a few large steps pass.
STEPS_AT_LEAST, STEP_DUE = 3, 0.95
#: The height of a level shift, as a multiple of the blocks' scatter and of the remaining change
#: within each level, and as a share of the first level. It affects only a sentence, not a verdict.
#: Lower: noise or slow growth is reported as a shift.
SHIFT_HEIGHT, SHIFT_FLAT, SHIFT_SHARE = 6.0, 4.0, 0.1
