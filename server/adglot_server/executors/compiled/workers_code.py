"""The code by which threads share a batch: it takes pieces, and waits for work, without the GIL."""

from __future__ import annotations

from adglot_server.executors.compiled.addresses import field, python_function

FUNCTION, POINTS, TILES, PIECE, WORKERS, FAULTS, EMPTY, SHARES = range(8)
"""Words of a job: what is called for a piece (0: nothing), with how many points; tiles there are,
and of a piece; threads; all bits that the calls returned; whether no piece is left. Behind them are
the shares, a word each (the next piece, and above bit 32 the end), and then what is called with.
"""

JOB, WORKER, ASLEEP, LOCK, WORDS = range(5)
"""Words of a helper's desk: the job for it (0: none), and as whom it is to work on it; whether it
waits for the lock of Python's, whose address is there.
"""

AT_WORK, LEAVE = 1, 2
"""Instead of a job: it has been taken; the helper is to go."""

IDLE = 4_000
"""Times that a helper looks for another job before it sleeps: 50 to 100 us.

To wake it takes 30 us, and whoever does so loses 10. In a loop the next batch comes before that.
"""

LATE = 20_000
"""Times that one looks whether a helper has done its last piece, before one rests."""


def text(triple: str) -> str:
    """The module of `share`, `help`, `offer` and `end`, which take addresses as integers.

    It is for machines of this name, since how one waits depends on that.
    """
    return "\n".join((_pause(triple), _take(), _share(), _help(), _offer(), _end()))


def _take() -> str:
    """The number of a piece, the next of the worker's own share or the last of another's; or -1."""
    return f"""
define internal i64 @take(ptr %shares, i64 %workers, i64 %worker) nounwind {{
entry:
br label %next
next:
%turn = phi i64 [0, %entry], [%following, %empty]
%everywhere = icmp eq i64 %turn, %workers
br i1 %everywhere, label %none, label %look
none:
ret i64 -1
look:
%number = add i64 %worker, %turn
%whose = urem i64 %number, %workers
%share = getelementptr i64, ptr %shares, i64 %whose
%first = load atomic i64, ptr %share monotonic, align 8
br label %again
again:
%ends = phi i64 [%first, %look], [%found, %try]
%start = and i64 %ends, {2**32 - 1}
%stop = lshr i64 %ends, 32
%some = icmp ult i64 %start, %stop
br i1 %some, label %try, label %empty
empty:
%following = add i64 %turn, 1
br label %next
try:
%own = icmp eq i64 %turn, 0
%last = sub i64 %stop, 1
%piece = select i1 %own, i64 %start, i64 %last
%step = select i1 %own, i64 1, i64 {-(2**32)}
%rest = add i64 %ends, %step
%tried = cmpxchg ptr %share, i64 %ends, i64 %rest seq_cst seq_cst
%found = extractvalue {{i64, i1}} %tried, 0
%taken = extractvalue {{i64, i1}} %tried, 1
br i1 %taken, label %end, label %again
end:
ret i64 %piece
}}"""


def _share() -> str:
    """Do pieces of a job until so many are done, or none is left."""
    return f"""
define void @share(i64 %job.at, i64 %worker, i64 %most) nounwind {{
entry:
%job = inttoptr i64 %job.at to ptr
{_word("%points", "%job", POINTS)}
{_word("%tiles", "%job", TILES)}
{_word("%size", "%job", PIECE)}
{_word("%workers", "%job", WORKERS)}
%faults = getelementptr i64, ptr %job, i64 {FAULTS}
%shares = getelementptr i64, ptr %job, i64 {SHARES}
%given = getelementptr i64, ptr %shares, i64 %workers
br label %next
next:
%count = phi i64 [0, %entry], [%more, %done]
%enough = icmp eq i64 %count, %most
br i1 %enough, label %end, label %take
take:
%piece = call i64 @take(ptr %shares, i64 %workers, i64 %worker)
%some = icmp sge i64 %piece, 0
br i1 %some, label %taken, label %none
none:
%empty = getelementptr i64, ptr %job, i64 {EMPTY}
store atomic i64 1, ptr %empty monotonic, align 8
br label %end
taken:
%function.word = load atomic i64, ptr %job monotonic, align 8
%function = inttoptr i64 %function.word to ptr
%dropped = icmp eq i64 %function.word, 0
br i1 %dropped, label %done, label %run
run:
%start = mul i64 %piece, %size
%whole = add i64 %start, %size
%inside = icmp slt i64 %whole, %tiles
%stop = select i1 %inside, i64 %whole, i64 %tiles
%byte = call i8 %function(i64 %points, ptr %given, i64 %start, i64 %stop)
%bits = zext i8 %byte to i64
atomicrmw or ptr %faults, i64 %bits seq_cst
br label %done
done:
%more = add i64 %count, 1
br label %next
end:
ret void
}}"""


def _help() -> str:
    """Take jobs from a desk, until told to leave."""
    return f"""
define void @help(i64 %at) nounwind {{
entry:
%desk = inttoptr i64 %at to ptr
%worker.at = getelementptr i64, ptr %desk, i64 {WORKER}
%asleep = getelementptr i64, ptr %desk, i64 {ASLEEP}
{_word("%lock", "%desk", LOCK)}
br label %idle
idle:
%looks = phi i64 [0, %entry], [%again, %rest], [0, %rouse], [0, %sleep], [0, %take], [0, %work]
%job = load atomic i64, ptr %desk seq_cst, align 8
%some = icmp ne i64 %job, 0
br i1 %some, label %see, label %none
none:
%tired = icmp eq i64 %looks, {IDLE}
br i1 %tired, label %doze, label %rest
rest:
%again = add i64 %looks, 1
call void @pause()
br label %idle
doze:
store atomic i64 1, ptr %asleep seq_cst, align 8
%late = load atomic i64, ptr %desk seq_cst, align 8
%still = icmp eq i64 %late, 0
br i1 %still, label %sleep, label %rouse
rouse:
{_swap("%awake", "%asleep", 1, 0)}
br i1 %awake, label %idle, label %sleep
sleep:
call i32 {python_function("PyThread_acquire_lock")}(i64 %lock, i32 1)
br label %idle
see:
%leave = icmp eq i64 %job, {LEAVE}
br i1 %leave, label %end, label %take
take:
{_swap("%taken", "%desk", "%job", AT_WORK)}
br i1 %taken, label %work, label %idle
work:
%worker = load i64, ptr %worker.at
call void @share(i64 %job, i64 %worker, i64 -1)
store atomic i64 0, ptr %desk seq_cst, align 8
br label %idle
end:
ret void
}}"""


def _offer() -> str:
    """Put a job on a desk, and wake the helper if it sleeps."""
    return f"""
define void @offer(i64 %at, i64 %job) nounwind {{
entry:
%desk = inttoptr i64 %at to ptr
%asleep = getelementptr i64, ptr %desk, i64 {ASLEEP}
{_word("%lock", "%desk", LOCK)}
store atomic i64 %job, ptr %desk seq_cst, align 8
{_swap("%sleeps", "%asleep", 1, 0)}
br i1 %sleeps, label %wake, label %end
wake:
call void {python_function("PyThread_release_lock")}(i64 %lock)
br label %end
end:
ret void
}}"""


def _end() -> str:
    """Take a job off a desk again, or wait a while until the helper is done with it."""
    return f"""
define void @end(i64 %at, i64 %job) nounwind {{
entry:
%desk = inttoptr i64 %at to ptr
{_swap("%untouched", "%desk", "%job", 0)}
br i1 %untouched, label %end, label %wait
wait:
%looks = phi i64 [0, %entry], [%again, %rest]
%now = load atomic i64, ptr %desk seq_cst, align 8
%working = icmp eq i64 %now, {AT_WORK}
%patient = icmp ne i64 %looks, {LATE}
%on = and i1 %working, %patient
br i1 %on, label %rest, label %end
rest:
%again = add i64 %looks, 1
call void @pause()
br label %wait
end:
ret void
}}"""


PAUSES = {"x86_64": ("llvm.x86.sse2.pause", "", ""), "aarch64": ("llvm.aarch64.hint", "i32", "1")}
"""What tells a processor that one is waiting: name, type and number of what it takes."""


def _pause(triple: str) -> str:
    """Nothing on machines without such an instruction."""
    declared = call = ""
    if found := PAUSES.get(triple.partition("-")[0]):
        name, type, number = found
        declared = f"declare void @{name}({type})\n"
        call = f"call void @{name}({type} {number})\n"
    return f"{declared}define internal void @pause() alwaysinline nounwind {{\n{call}ret void\n}}"


def _swap(done: str, at: str, old: int | str, new: int | str) -> str:
    """Put a word in the place of another; whether that was there."""
    both = f"{done}.both = cmpxchg ptr {at}, i64 {old}, i64 {new} seq_cst seq_cst"
    return f"{both}\n{done} = extractvalue {{i64, i1}} {done}.both, 1"


def _word(name: str, start: str, number: int) -> str:
    return field(name, "i64", start, 8 * number)
