"""The extent cluster: what is cold is coded, and read, lost and made anew as such."""
import time

from harness.cluster import START_LIMIT_S
from harness.content import MIB, content
from harness.s3 import S3
from harness.scenario import expect, expect_equal, scenario
from scenarios.cluster import (
    REPAIR_SETTINGS,
    await_status,
    command,
    flip_bits,
    find_damage,
    look_at_bodies,
    metric,
    put_all,
    whole,
)

SETTINGS = REPAIR_SETTINGS | {
    "SLUICE_CLUSTER_CODE": "4+2",
    "SLUICE_CLUSTER_CODE_AFTER": 0,
    "SLUICE_NODE_SCRUB_RATE": "1GiB",
}
BUCKET = "coded"


def await_metric(server, name, holds):
    deadline = time.monotonic() + START_LIMIT_S
    while not holds(metric(server, name)):
        expect(time.monotonic() < deadline, f"{name} is {metric(server, name)}")
        time.sleep(0.5)


def held_by(disks, node):
    """Extents and fragments that a disk has, as the records say."""
    return int(disks[node.incarnation][-1])


def are_silent(disks, nodes):
    """Are these known to be gone? Until then nothing of theirs counts as missing."""
    return all("silent" in disks[node.incarnation] for node in nodes)


@scenario("cluster: what is cold is coded by 4+2, and two machines of it may die", postgres=True, cluster=8, long=True,
          settings=SETTINGS)  # fmt: skip
def code_and_lose(stage):
    s3, nodes = S3(stage.server), stage.cluster.nodes
    # Four extents and a part of a fifth.
    bodies = put_all(s3, BUCKET, 64)
    small = {f"small-{n}": content(f"small/{n}", 9000 + n) for n in range(50)}
    for key, body in small.items():
        s3.expect(200, "PUT", BUCKET, key, body=body)
    bodies |= small
    await_status(stage, "four coded extents", lambda counts, _: counts["coded"] >= 4 and whole(counts, _))
    look_at_bodies(S3(stage.server), BUCKET, bodies)

    # Two at one time, in the middle of reads; neither comes back.
    lost, s3 = nodes[:2], S3(stage.server)
    for n, (key, body) in enumerate(bodies.items()):
        if n in (10, 20):
            lost[n // 10 - 1].kill()
        expect_equal(s3.expect(200, "GET", BUCKET, key).body, body, key)
    look_at_bodies(S3(stage.server), BUCKET, bodies)
    await_status(
        stage,
        "all fragments on other disks",
        lambda counts, disks: are_silent(disks, lost) and counts["missing"] == 0 and whole(counts, disks),
    )
    await_metric(stage.server, "sluice_cluster_degraded_reads_total", lambda count: count > 0)
    await_metric(stage.server, "sluice_cluster_fragments_rebuilt_total", lambda count: count > 0)
    look_at_bodies(S3(stage.server), BUCKET, bodies)

    # And other two.
    for node in nodes[2:4]:
        node.kill()
    look_at_bodies(S3(stage.server), BUCKET, bodies)
    for node in nodes[:4]:
        node.start()
    await_status(stage, "that all is well", lambda counts, _: counts["missing"] == 0 and whole(counts, _))

    # What is damaged is made good.
    flipped = sum(flip_bits(node, list(bodies.values())[:60:7]) for node in nodes[:4])
    expect(flipped > 0, "the disks have nothing")
    look_at_bodies(S3(stage.server), BUCKET, bodies)
    find_damage(stage)
    await_status(stage, "that the damage is gone",
                 lambda counts, _: counts["missing"] == 0 and counts["damaged"] == 0 and whole(counts, _))  # fmt: skip
    look_at_bodies(S3(stage.server), BUCKET, bodies)
    command(stage, "drain", nodes[7].incarnation)
    await_status(stage, "that the drained disk is empty", lambda _, disks: held_by(disks, nodes[7]) == 0)
    look_at_bodies(S3(stage.server), BUCKET, bodies)
