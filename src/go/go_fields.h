/* go_fields: the fields of Go's runtime that are read, one a line: a name of ours, the
 * runtime's type, the field (a path where it is nested).  The value of field NAME in a
 * layout (go_layout.h) is its offset in bytes; that of an empty field the size of the type.
 * tools/go-layout reads this file too.  Include it with GO_FIELD defined.
 * Units: bytes.  Threads: any, there is nothing but names.  Signals: as threads. */

#ifndef GO_FIELD
#define GO_FIELD(name, type, field)
#endif

GO_FIELD(G_SIZE, "runtime.g", "")
GO_FIELD(G_STACK_LO, "runtime.g", "stack.lo")
GO_FIELD(G_STACK_HI, "runtime.g", "stack.hi")
GO_FIELD(G_M, "runtime.g", "m")
GO_FIELD(G_SCHED_SP, "runtime.g", "sched.sp")
GO_FIELD(G_SCHED_PC, "runtime.g", "sched.pc")
GO_FIELD(G_SCHED_BP, "runtime.g", "sched.bp")
GO_FIELD(G_SYSCALLSP, "runtime.g", "syscallsp")
GO_FIELD(G_SYSCALLPC, "runtime.g", "syscallpc")
GO_FIELD(G_SYSCALLBP, "runtime.g", "syscallbp")
GO_FIELD(G_ATOMICSTATUS, "runtime.g", "atomicstatus")
GO_FIELD(G_GOID, "runtime.g", "goid")
GO_FIELD(G_WAITSINCE, "runtime.g", "waitsince")
GO_FIELD(G_WAITREASON, "runtime.g", "waitreason")
GO_FIELD(G_PARENTGOID, "runtime.g", "parentGoid")
GO_FIELD(G_GOPC, "runtime.g", "gopc")
GO_FIELD(G_ANCESTORS, "runtime.g", "ancestors")
GO_FIELD(G_STARTPC, "runtime.g", "startpc")
GO_FIELD(G_LABELS, "runtime.g", "labels")
GO_FIELD(G_LOCKEDM, "runtime.g", "lockedm")
GO_FIELD(G_WAITING, "runtime.g", "waiting")
GO_FIELD(G_BUBBLE, "runtime.g", "bubble")
GO_FIELD(G_SYNC_GROUP, "runtime.g", "syncGroup")

GO_FIELD(BUBBLE_ID, "runtime.synctestBubble", "id")
GO_FIELD(SYNC_GROUP_ROOT, "runtime.synctestGroup", "root")

GO_FIELD(M_SIZE, "runtime.m", "")
GO_FIELD(M_G0, "runtime.m", "g0")
GO_FIELD(M_GSIGNAL, "runtime.m", "gsignal")
GO_FIELD(M_PROCID, "runtime.m", "procid")
GO_FIELD(M_CURG, "runtime.m", "curg")
GO_FIELD(M_P, "runtime.m", "p")
GO_FIELD(M_ID, "runtime.m", "id")
GO_FIELD(M_VDSOSP, "runtime.m", "vdsoSP")
GO_FIELD(M_VDSOPC, "runtime.m", "vdsoPC")
GO_FIELD(M_ALLLINK, "runtime.m", "alllink")
GO_FIELD(M_CREATESTACK, "runtime.m", "createstack")

GO_FIELD(P_MCACHE, "runtime.p", "mcache")

GO_FIELD(BUCKET_SIZE, "runtime.bucket", "")
GO_FIELD(BUCKET_ALLNEXT, "runtime.bucket", "allnext")
GO_FIELD(BUCKET_TYP, "runtime.bucket", "typ")
GO_FIELD(BUCKET_BYTES, "runtime.bucket", "size")
GO_FIELD(BUCKET_NSTK, "runtime.bucket", "nstk")

GO_FIELD(MEMRECORD_SIZE, "runtime.memRecord", "")
GO_FIELD(MEMRECORD_ACTIVE, "runtime.memRecord", "active")
GO_FIELD(MEMRECORD_FUTURE, "runtime.memRecord", "future")
GO_FIELD(MEMCYCLE_SIZE, "runtime.memRecordCycle", "")
GO_FIELD(MEMCYCLE_ALLOCS, "runtime.memRecordCycle", "allocs")
GO_FIELD(MEMCYCLE_FREES, "runtime.memRecordCycle", "frees")
GO_FIELD(MEMCYCLE_ALLOC_BYTES, "runtime.memRecordCycle", "alloc_bytes")
GO_FIELD(MEMCYCLE_FREE_BYTES, "runtime.memRecordCycle", "free_bytes")
GO_FIELD(BLOCKRECORD_COUNT, "runtime.blockRecord", "count")
GO_FIELD(BLOCKRECORD_CYCLES, "runtime.blockRecord", "cycles")

GO_FIELD(MODULE_SIZE, "runtime.moduledata", "")
GO_FIELD(MODULE_PCHEADER, "runtime.moduledata", "pcHeader")
GO_FIELD(MODULE_FUNCNAMETAB, "runtime.moduledata", "funcnametab")
GO_FIELD(MODULE_PCTAB, "runtime.moduledata", "pctab")
GO_FIELD(MODULE_MINPC, "runtime.moduledata", "minpc")
GO_FIELD(MODULE_MAXPC, "runtime.moduledata", "maxpc")
GO_FIELD(MODULE_TEXT, "runtime.moduledata", "text")
GO_FIELD(MODULE_ETEXT, "runtime.moduledata", "etext")
GO_FIELD(MODULE_NOPTRDATA, "runtime.moduledata", "noptrdata")
GO_FIELD(MODULE_ENOPTRDATA, "runtime.moduledata", "enoptrdata")
GO_FIELD(MODULE_DATA, "runtime.moduledata", "data")
GO_FIELD(MODULE_EDATA, "runtime.moduledata", "edata")
GO_FIELD(MODULE_BSS, "runtime.moduledata", "bss")
GO_FIELD(MODULE_EBSS, "runtime.moduledata", "ebss")
GO_FIELD(MODULE_NOPTRBSS, "runtime.moduledata", "noptrbss")
GO_FIELD(MODULE_ENOPTRBSS, "runtime.moduledata", "enoptrbss")
GO_FIELD(MODULE_GOFUNC, "runtime.moduledata", "gofunc")
GO_FIELD(MODULE_NEXT, "runtime.moduledata", "next")

GO_FIELD(SUDOG_C, "runtime.sudog", "c")
GO_FIELD(SUDOG_ELEM, "runtime.sudog", "elem")

GO_FIELD(WORK_LEAK_PENDING, "runtime.workType", "goroutineLeak.pending")
GO_FIELD(WORK_LEAK_ENABLED, "runtime.workType", "goroutineLeak.enabled")
GO_FIELD(WORK_LEAK_DONE, "runtime.workType", "goroutineLeak.done")
GO_FIELD(WORK_LEAK_COUNT, "runtime.workType", "goroutineLeak.count")
GO_FIELD(WORK_CYCLES, "runtime.workType", "cycles")
GO_FIELD(MSTATS_NUMGC, "runtime.mstats", "numgc")
GO_FIELD(MSTATS_LAST_GC, "runtime.mstats", "last_gc_nanotime")

#undef GO_FIELD
