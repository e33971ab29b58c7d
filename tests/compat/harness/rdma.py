"""A client of S3 over RDMA: memory that its device lets the server read and write, by Debian's python3-pyverbs."""
import ipaddress
import struct

PORT = 1
MTUS = {256: 1, 512: 2, 1024: 3, 2048: 4, 4096: 5}
READS_MAX = 4  # at a time, of the server
TOKEN = "<BI16sIQQBH"  # hipObject's: transport, queue pair, GID, rkey, address, size, port, LID
RELIABLE = 1
PSN = 0x123456


class Memory:
    """`size` bytes of registered memory, and a queue pair by which they are reached once it is connected."""

    def __init__(self, device, size):
        from pyverbs import cq, device as devices, enums, mr, pd

        self._enums = enums
        self._context = devices.Context(name=device)
        self._domain = pd.PD(self._context)
        self._completions = cq.CQ(self._context, 16)
        access = enums.IBV_ACCESS_LOCAL_WRITE | enums.IBV_ACCESS_REMOTE_READ | enums.IBV_ACCESS_REMOTE_WRITE
        self._region = mr.MR(self._domain, size, access)
        self.size = size
        self._gid_index, self._gid = self._find_address()
        self._pair = None
        self.renew()

    def _find_address(self):
        """The first address of IPv4, and where it stands in the table."""
        for index in range(self._context.query_port(PORT).gid_tbl_len):
            try:
                address = ipaddress.IPv6Address(self._context.query_gid(PORT, index).gid)
            except Exception:  # noqa: BLE001  (an empty row)
                continue
            if address.ipv4_mapped:
                return index, address
        raise AssertionError("the device has no address of IPv4")

    def renew(self):
        """Another queue pair, connected to nothing."""
        from pyverbs import qp

        enums = self._enums
        if self._pair is not None:
            self._pair.close()
        made = qp.QPInitAttr(
            qp_type=enums.IBV_QPT_RC, scq=self._completions, rcq=self._completions, cap=qp.QPCap(1, 1, 1, 1)
        )
        wanted = qp.QPAttr(port_num=PORT)
        wanted.qp_access_flags = enums.IBV_ACCESS_REMOTE_READ | enums.IBV_ACCESS_REMOTE_WRITE
        self._pair = qp.QP(self._domain, made, wanted)

    def token(self, offset, size, key=None):
        """Offers `size` bytes from `offset` on."""
        key = self._region.rkey if key is None else key
        fields = (self._pair.qp_num, self._gid.packed, key, self._region.buf + offset, size)
        return struct.pack(TOKEN, RELIABLE, *fields, PORT, 0).hex()

    @property
    def key(self):
        return self._region.rkey

    def connect(self, s3):
        """Asks the server for a connection; the answer."""
        headers = {"x-amz-rdma-token": self.token(0, 0), "x-amz-rdma-psn": f"{PSN:06x}", "x-amz-rdma-mtu": "4096"}
        answer = s3.expect(200, "POST", query={"rdma-rc-connect": ""}, headers=headers)
        word, _, token = answer.headers["x-amz-rdma-reply"].partition(":")
        if word != "200":
            raise AssertionError(f"x-amz-rdma-reply is {word}")
        self._join(bytes.fromhex(token), int(answer.headers["x-amz-rdma-psn"], 16), answer.headers["x-amz-rdma-mtu"])
        return answer

    def _join(self, token, psn, mtu):
        from pyverbs import addr, qp

        _, pair, gid, *_ = struct.unpack(TOKEN, token)
        route = addr.GlobalRoute(
            dgid=addr.GID(ipaddress.IPv6Address(gid).exploded), sgid_index=self._gid_index, hop_limit=16
        )
        wanted = qp.QPAttr(port_num=PORT)
        wanted.path_mtu = MTUS[int(mtu)]
        wanted.dest_qp_num = pair
        wanted.rq_psn = psn
        wanted.max_dest_rd_atomic = READS_MAX
        wanted.min_rnr_timer = 12
        wanted.ah_attr = addr.AHAttr(is_global=1, port_num=PORT, gr=route)
        self._pair.to_rtr(wanted)

    def write(self, offset, data):
        self._region.write(data, len(data), offset)

    def read(self, offset, size):
        return self._region.read(size, offset)
