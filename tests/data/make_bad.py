#!/usr/bin/env python3
"""Write the damaged profiles in bad/ and the odd but valid ones in odd/."""
import gzip
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = "bad"


def vi(n):
    n &= (1 << 64) - 1
    out = b""
    while True:
        low, n = n & 127, n >> 7
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


def f(n, v):
    return vi(n << 3) + vi(v)


def l(n, b):
    return vi(n << 3 | 2) + vi(len(b)) + b


S=["","cpu","nanoseconds","main","main.c","samples","count","/bin/x"]
def strs(extra=()): return b''.join(l(6,s if isinstance(s,bytes) else s.encode()) for s in list(S)+list(extra))
TYPE=l(1,f(1,1)+f(2,2))
def sample(locs,vals,labels=b''): return l(2,l(1,b''.join(map(vi,locs)))+l(2,b''.join(map(vi,vals)))+labels)
def loc(i,addr,lines,m=1): return l(4,f(1,i)+(f(2,m) if m else b'')+f(3,addr)+b''.join(l(4,f(1,fn)+f(2,ln)) for fn,ln in lines))
def fn(i,name,file): return l(5,f(1,i)+f(2,name)+f(3,name)+f(4,file))
MAP=l(3,f(1,1)+f(2,0x1000)+f(3,0x2000)+f(5,7)+f(7,1))
PER=l(11,f(1,1)+f(2,2))+f(12,10000000)
def w(name,b,z=True):
    open(os.path.join(HERE,FOLDER,name),'wb').write(gzip.compress(b,9,mtime=0) if z else b)
good=TYPE+sample([1],[5])+MAP+loc(1,0x1100,[(1,10)])+fn(1,3,4)+strs()+PER
w('empty',b'',False)
w('garbage',bytes((i*73+41)%251 for i in range(400)),False)
w('text',b'this is no profile\n',False)
z=gzip.compress(good,9,mtime=0)
open(os.path.join(HERE,FOLDER,'truncated.pb.gz'),'wb').write(z[:len(z)//2])
open(os.path.join(HERE,FOLDER,'crc.pb.gz'),'wb').write(z[:-8]+bytes([z[-8]^1])+z[-7:])
w('truncated.pb',good[:-20],False)
w('cut_string.pb',(TYPE+MAP)[:-3]+b'\xff\xff\xff\xff\x7f',False)
w('huge_length.pb',TYPE+vi(6<<3|2)+vi(1<<62)+b'x',False)
w('huge_varint.pb',TYPE+vi(12<<3)+b'\xff'*11,False)
w('dangling_location.pb',TYPE+sample([9],[5])+MAP+loc(1,0x1100,[(1,10)])+fn(1,3,4)+strs()+PER,False)
w('dangling_function.pb',TYPE+sample([1],[5])+MAP+loc(1,0x1100,[(7,10)])+fn(1,3,4)+strs()+PER,False)
w('dangling_string.pb',TYPE+sample([1],[5])+MAP+loc(1,0x1100,[(1,10)])+fn(1,99,4)+strs()+PER,False)
w('twice_location.pb',TYPE+sample([1],[5])+MAP+loc(1,0x1100,[(1,10)])*2+fn(1,3,4)+strs()+PER,False)
w('twice_function.pb',TYPE+sample([1],[5])+MAP+loc(1,0x1100,[(1,10)])+fn(1,3,4)*2+strs()+PER,False)
w('twice_mapping.pb',TYPE+sample([1],[5])+MAP*2+loc(1,0x1100,[(1,10)])+fn(1,3,4)+strs()+PER,False)
w('zero_location.pb',TYPE+sample([0],[5])+MAP+loc(0,0x1100,[(1,10)])+fn(1,3,4)+strs()+PER,False)
w('value_count.pb',TYPE+sample([1],[5,6])+MAP+loc(1,0x1100,[(1,10)])+fn(1,3,4)+strs()+PER,False)
w('no_types.pb',sample([1],[])+MAP+loc(1,0x1100,[(1,10)])+fn(1,3,4)+strs()+PER,False)
w('no_types_no_samples.pb',MAP+strs()+PER,False)
w('first_string.pb',TYPE+l(6,b'x')+PER,False)
w('two_profiles.pb',good+good,False)

w('no_function.pb',TYPE+sample([1,2],[5])+MAP+loc(1,0x1100,[(0,10)])+loc(2,0x1200,[],m=0)+strs()+PER,False)
w('group.pb',good+vi(99<<3|3),False)

# Other formats.
def t(name,*lines): w(name,"".join(line+"\n" for line in lines).encode(),False)
t('heap_line.txt',"heap profile: 1: 2 [1: 2] @ heap_v2/1024","1: 2 [1: 2] @ 0x1","what is this")
t('heap_kind.txt',"heap profile: 1: 2 [1: 2] @ heapless")
t('heap_count.txt',"heap profile: 1: 2 [1: 2] @ heapprofile","0: 2 [1: 2] @ 0x1")
t('count_line.txt',"goroutine profile: total 2","2 @ 0x1 oops")
t('count_address.txt',"goroutine profile: total 2","2 @ 0xfffffffffffffffff")
t('contention_attribute.txt',"--- mutex:","cycles/hour = 7")
t('threadz.txt',"--- threadz 1 ---","--- Thread x")
t('java_heap.txt',"--- heapz 1 ---","format = java","resolution = bytes"," 5 0 @ 0x1")
t('jemalloc.txt',"heap_v2/524288","  t*: 1: 2 [0: 0]","@ 0x1","@ 0x2")
w('cpu_depth',struct.pack('<8Q',0,3,0,10000,0,1,1<<40,5),False)
zst=open(os.path.join(HERE,'odd/good.pb.zst'),'rb').read()
w('truncated.pb.zst',zst[:60],False)
w('damaged.pb.zst',zst[:50]+bytes([zst[50]^255])+zst[51:],False)

FOLDER='odd'
w('good.pb.gz',good)
w('no_samples.pb',TYPE+MAP+strs()+PER,False)
w('negative.pb',TYPE+sample([1],[-5])+sample([2],[7])+sample([2,1],[-(1<<63)])+MAP+loc(1,0x1100,[(1,10)])+loc(2,0x1200,[(2,20)])+fn(1,3,4)+fn(2,8,4)+strs(["other"])+PER,False)
w('utf8.pb',TYPE+sample([1],[5],l(3,f(1,9)+f(2,8)))+MAP+loc(1,0x1100,[(1,10)])+fn(1,8,9)+strs([b"\xff\xfe name\x1b[31m",b"f\xc3\x28.c"])+PER,False)
w('huge_values.pb',TYPE+sample([1],[(1<<63)-1])+sample([1],[(1<<63)-1])+sample([2,1],[1])+MAP+loc(1,(1<<64)-1,[(1,(1<<63)-1)])+loc(2,0,[(2,-(1<<63))])+fn(1,3,4)+fn(2,8,4)+strs(["other"])+PER+f(9,(1<<63)-1)+f(10,(1<<63)-1),False)
w('recursive.pb',TYPE+sample([1]*5000,[5])+MAP+loc(1,0x1100,[(1,10),(1,11)])+fn(1,3,4)+strs()+PER,False)
w('unknown_fields.pb',good+f(99,7)+l(100,b'future')+vi(101<<3|1)+b'12345678'+vi(102<<3|5)+b'1234',False)

w('dangling_mapping.pb',TYPE+sample([1],[5])+MAP+loc(1,0x1100,[(1,10)],m=9)+fn(1,3,4)+strs()+PER,False)
# The values of "lib" cancel, those of its callers do not.
w('cancelling.pb',TYPE+sample([2,1],[300])+sample([2,3],[-200])+sample([2,4],[-100])+sample([1],[1000])+sample([3],[50])+sample([3,2,4],[70])+sample([3,2,1],[-70])+MAP+b''.join(loc(i,0x1000+16*i,[(i,10*i)]) for i in (1,2,3,4))+fn(1,3,4)+fn(2,8,4)+fn(3,9,4)+fn(4,10,4)+strs(["lib","other","third"])+PER,False)
