/* go_globals: the variables of Go's runtime that are read (or, when asked, written), one a
 * line: a name of ours, the runtime's symbol.  tools/go-layout reads this file too.
 * Include it with GO_GLOBAL defined.
 * Units: bytes.  Threads: any, there is nothing but names.  Signals: as threads. */

#ifndef GO_GLOBAL
#define GO_GLOBAL(name, symbol)
#endif

GO_GLOBAL(ALLGS, "runtime.allgs")
GO_GLOBAL(ALLGPTR, "runtime.allgptr")
GO_GLOBAL(ALLGLEN, "runtime.allglen")
GO_GLOBAL(ALLM, "runtime.allm")
GO_GLOBAL(ALLP, "runtime.allp")
GO_GLOBAL(MBUCKETS, "runtime.mbuckets")
GO_GLOBAL(BBUCKETS, "runtime.bbuckets")
GO_GLOBAL(XBUCKETS, "runtime.xbuckets")
GO_GLOBAL(MPROF_CYCLE, "runtime.mProfCycle")
GO_GLOBAL(MEM_PROFILE_RATE, "runtime.MemProfileRate")
GO_GLOBAL(DISABLE_MEMORY_PROFILING, "runtime.disableMemoryProfiling")
GO_GLOBAL(BLOCK_PROFILE_RATE, "runtime.blockprofilerate")
GO_GLOBAL(MUTEX_PROFILE_RATE, "runtime.mutexprofilerate")
GO_GLOBAL(FORCE_GC_PERIOD, "runtime.forcegcperiod")
GO_GLOBAL(WORK, "runtime.work")
GO_GLOBAL(MEMSTATS, "runtime.memstats")
GO_GLOBAL(TICKS, "runtime.ticks")
GO_GLOBAL(FIRST_MODULE, "runtime.firstmoduledata")

#undef GO_GLOBAL
