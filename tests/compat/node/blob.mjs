// @azure/storage-blob against a server: every step compares what comes back, and the first that differs ends it.
import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  AnonymousCredential,
  BlobSASPermissions,
  BlobServiceClient,
  BlockBlobClient,
  ContainerSASPermissions,
  StorageResponseFormat,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
} from "@azure/storage-blob";

const given = JSON.parse(await readFile(process.argv[2], "utf8"));
const credential = new StorageSharedKeyCredential(given.account, given.key);
const url = `${given.endpoint}/${given.account}`;
const options = { retryOptions: { maxTries: 1 } };
const service = new BlobServiceClient(url, credential, options);
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
const soon = () => new Date(Date.now() + 3600_000);

async function refused(promise, code, status) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.code ?? error.details?.errorCode, code);
    if (status) assert.equal(error.statusCode, status);
    return;
  }
  assert.fail(`expected ${code}`);
}

async function read(blob, ...range) {
  const answer = await blob.download(...range);
  const chunks = [];
  for await (const chunk of answer.readableStreamBody) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const steps = {
  async containers() {
    const container = service.getContainerClient("js-containers");
    assert.equal((await container.createIfNotExists()).succeeded, true);
    assert.equal((await container.createIfNotExists()).succeeded, false);
    await refused(container.create(), "ContainerAlreadyExists", 409);
    await container.setMetadata({ team: "cats" });
    assert.deepEqual((await container.getProperties()).metadata, { team: "cats" });
    const names = [];
    for await (const item of service.listContainers({ includeMetadata: true, prefix: "js-" })) names.push(item);
    assert.equal(names[0].name, "js-containers");
    assert.deepEqual(names[0].metadata, { team: "cats" });
    await container.setAccessPolicy("blob", [
      { id: "reading", accessPolicy: { startsOn: new Date(0), expiresOn: soon(), permissions: "r" } },
    ]);
    const policy = await container.getAccessPolicy();
    assert.equal(policy.blobPublicAccess, "blob");
    assert.equal(policy.signedIdentifiers[0].id, "reading");
    const information = await service.getAccountInfo();
    assert.equal(information.accountKind, "StorageV2");
    await service.getProperties();
    await container.delete();
    await refused(container.getProperties(), "ContainerNotFound", 404);
  },

  async blobs() {
    const container = service.getContainerClient("js-blobs");
    await container.create();
    const blob = container.getBlockBlobClient("a folder/ünï code+%.txt");
    const bytes = randomBytes(100_000);
    await blob.uploadData(bytes, { blobHTTPHeaders: { blobContentType: "text/plain" }, metadata: { Mixed: "Case" } });
    assert.equal(hash(await blob.downloadToBuffer()), hash(bytes));
    assert.equal(hash(await read(blob, 10, 1000)), hash(bytes.subarray(10, 1010)));
    const properties = await blob.getProperties();
    assert.equal(properties.contentType, "text/plain");
    assert.equal(properties.contentLength, bytes.length);
    assert.deepEqual(properties.metadata, { mixed: "Case" });
    assert.equal(Buffer.from(properties.contentMD5).toString("hex"), createHash("md5").update(bytes).digest("hex"));
    const md5 = await blob.download(0, 100, { rangeGetContentMD5: true });
    assert.equal(
      Buffer.from(md5.contentMD5).toString("hex"),
      createHash("md5").update(bytes.subarray(0, 100)).digest("hex"),
    );
    md5.readableStreamBody.destroy();
    await refused(blob.upload("x", 1, { conditions: { ifNoneMatch: "*" } }), "BlobAlreadyExists", 409);
    await refused(blob.upload("x", 1, { conditions: { ifMatch: '"0x1"' } }), "ConditionNotMet", 412);
    await blob.upload("y", 1, { conditions: { ifMatch: properties.etag } });
    assert.equal((await read(blob)).toString(), "y");
    await refused(container.getBlobClient("none").getProperties(), "BlobNotFound", 404);
    assert.equal(await container.getBlobClient("none").exists(), false);
    assert.equal((await blob.deleteIfExists()).succeeded, true);
    assert.equal((await blob.deleteIfExists()).succeeded, false);
    await container.delete();
  },

  async blocks() {
    const container = service.getContainerClient("js-blocks");
    await container.create();
    const bytes = randomBytes(20 << 20);
    const blob = container.getBlockBlobClient("large");
    await blob.uploadData(bytes, { blockSize: 4 << 20, maxSingleShotSize: 1 << 20, concurrency: 4 });
    assert.equal(hash(await blob.downloadToBuffer(0, undefined, { blockSize: 3 << 20 })), hash(bytes));
    const lists = await blob.getBlockList("all");
    assert.equal(lists.committedBlocks.length, 5);
    const id = (n) => Buffer.from(`id-${n}`).toString("base64");
    const small = container.getBlockBlobClient("small");
    await small.stageBlock(id(1), "one ", 4);
    await small.stageBlock(id(2), "two ", 4);
    await refused(small.getProperties(), "BlobNotFound", 404);
    await small.commitBlockList([id(2), id(1)]);
    assert.equal((await read(small)).toString(), "two one ");
    await small.stageBlock(id(3), "three", 5);
    await small.commitBlockList([id(1), id(3)]);
    assert.equal((await read(small)).toString(), "one three");
    await refused(small.commitBlockList([id(9)]), "InvalidBlockList", 400);
    await container.delete();
  },

  async properties() {
    const container = service.getContainerClient("js-properties");
    await container.create();
    const blob = container.getBlockBlobClient("a");
    await blob.upload("bar", 3, { metadata: { a: "1" }, blobHTTPHeaders: { blobContentType: "image/png" } });
    await blob.setMetadata({ b: "2" });
    await blob.setHTTPHeaders({ blobContentLanguage: "en" });
    const properties = await blob.getProperties();
    assert.deepEqual(properties.metadata, { b: "2" });
    assert.equal(properties.contentLanguage, "en");
    assert.equal(properties.contentType, "application/octet-stream");
    await container.delete();
  },

  async checksums() {
    const container = service.getContainerClient("js-checksums");
    await container.create();
    const bytes = randomBytes(9 << 20);
    const blob = container.getBlockBlobClient("framed");
    const checked = { contentChecksumAlgorithm: "StorageCrc64" };
    await blob.upload(bytes, bytes.length, checked);
    assert.equal(hash(await blob.downloadToBuffer()), hash(bytes));
    assert.equal(hash(await read(blob, 0, undefined, checked)), hash(bytes));
    assert.equal(hash(await read(blob, 5, 6_000_000, checked)), hash(bytes.subarray(5, 6_000_005)));
    await blob.uploadData(bytes, { ...checked, blockSize: 4 << 20, maxSingleShotSize: 1 << 20 });
    assert.equal(hash(await read(blob, 0, undefined, checked)), hash(bytes));
    const log = container.getAppendBlobClient("log");
    await log.create();
    await log.appendBlock(bytes, bytes.length, checked);
    await log.appendBlock("more", 4, checked);
    assert.equal(hash(await log.downloadToBuffer()), hash(Buffer.concat([bytes, Buffer.from("more")])));
    const disk = container.getPageBlobClient("disk");
    await disk.create(8 << 20);
    await disk.uploadPages(bytes.subarray(0, 4 << 20), 512, 4 << 20, checked);
    assert.equal(hash(await disk.downloadToBuffer(512, 4 << 20)), hash(bytes.subarray(0, 4 << 20)));
    await container.delete();
  },

  async delegation() {
    const container = service.getContainerClient("js-delegation");
    await container.create();
    await container.getBlockBlobClient("a").upload("bar", 3);
    const key = await service.getUserDelegationKey(new Date(Date.now() - 60_000), soon());
    const sas = generateBlobSASQueryParameters(
      { containerName: "js-delegation", permissions: ContainerSASPermissions.parse("r"), expiresOn: soon() },
      key,
      given.account,
    );
    const anybody = new BlobServiceClient(`${url}?${sas}`, undefined, options).getContainerClient("js-delegation");
    assert.equal((await read(anybody.getBlobClient("a"))).toString(), "bar");
    await refused(anybody.getBlobClient("a").delete(), "AuthorizationPermissionMismatch", 403);
    await container.delete();
  },

  async tags() {
    const container = service.getContainerClient("js-tags");
    await container.create();
    const blob = container.getBlockBlobClient("cat");
    await blob.upload("meow", 4, { tags: { kind: "cat", "full name": "M/B" } });
    assert.deepEqual((await blob.getTags()).tags, { kind: "cat", "full name": "M/B" });
    assert.equal((await blob.getProperties()).tagCount, 2);
    await blob.setTags({ kind: "lion" });
    await refused(blob.setTags({ kind: "dog" }, { conditions: { tagConditions: "kind = 'dog'" } }), "ConditionNotMet");
    await refused(blob.download(0, 1, { conditions: { tagConditions: "kind = 'dog'" } }), "ConditionNotMet", 412);
    await container.getBlockBlobClient("lioness").upload("roar", 4, { tags: { kind: "lion" } });
    await container.getBlockBlobClient("dog").upload("woof", 4, { tags: { kind: "dog" } });
    for (const client of [container, service]) {
      const found = [];
      const search = client.findBlobsByTags("kind = 'lion'");
      for await (const page of search.byPage({ maxPageSize: 1 })) found.push(...page.blobs);
      assert.deepEqual(found.map((one) => [one.name, one.tagValue]), [["cat", "lion"], ["lioness", "lion"]]);
    }
    const listed = [];
    for await (const item of container.listBlobsFlat({ includeTags: true })) listed.push(item);
    assert.deepEqual(listed.map((one) => one.tags), [{ kind: "lion" }, { kind: "dog" }, { kind: "lion" }]);
    await container.delete();
  },

  async snapshots() {
    const container = service.getContainerClient("js-snapshots");
    await container.create();
    const blob = container.getBlockBlobClient("a");
    await blob.upload("one", 3);
    const taken = await blob.createSnapshot({ metadata: { of: "one" } });
    await blob.upload("two", 3);
    const before = blob.withSnapshot(taken.snapshot);
    assert.equal((await read(before)).toString(), "one");
    assert.deepEqual((await before.getProperties()).metadata, { of: "one" });
    const listed = [];
    for await (const item of container.listBlobsFlat({ includeSnapshots: true })) listed.push(item.snapshot);
    assert.deepEqual(listed, [taken.snapshot, undefined]);
    await refused(blob.delete(), "SnapshotsPresent", 409);
    const sas = generateBlobSASQueryParameters(
      {
        containerName: "js-snapshots",
        blobName: "a",
        snapshotTime: taken.snapshot,
        permissions: BlobSASPermissions.parse("r"),
        expiresOn: soon(),
      },
      credential,
    );
    const anybody = new BlobServiceClient(`${url}?${sas}`, undefined, options).getContainerClient("js-snapshots");
    assert.equal((await read(anybody.getBlobClient("a").withSnapshot(taken.snapshot))).toString(), "one");
    await assert.rejects(anybody.getBlobClient("a").getProperties(), { statusCode: 403 });
    const copy = await blob.beginCopyFromURL(before.url);
    assert.equal((await copy.pollUntilDone()).copyStatus, "success");
    assert.equal((await read(blob)).toString(), "one");
    await blob.delete({ deleteSnapshots: "only" });
    await refused(before.getProperties(), "BlobNotFound", 404);
    await blob.createSnapshot();
    await blob.delete({ deleteSnapshots: "include" });
    await container.delete();
  },

  async copies() {
    const container = service.getContainerClient("js-copies");
    await container.create();
    const bytes = randomBytes(50_000);
    const source = container.getBlockBlobClient("source");
    await source.uploadData(bytes, { metadata: { a: "1" } });
    const copy = container.getBlockBlobClient("copy");
    const poller = await copy.beginCopyFromURL(source.url);
    assert.equal((await poller.pollUntilDone()).copyStatus, "success");
    assert.equal(hash(await copy.downloadToBuffer()), hash(bytes));
    assert.deepEqual((await copy.getProperties()).metadata, { a: "1" });
    const sas = generateBlobSASQueryParameters(
      { containerName: "js-copies", permissions: ContainerSASPermissions.parse("r"), expiresOn: soon() },
      credential,
    );
    const synced = container.getBlockBlobClient("synced");
    await synced.syncCopyFromURL(`${source.url}?${sas}`);
    assert.equal(hash(await synced.downloadToBuffer()), hash(bytes));
    const put = container.getBlockBlobClient("put");
    await put.syncUploadFromURL(`${source.url}?${sas}`);
    assert.equal(hash(await put.downloadToBuffer()), hash(bytes));
    const staged = container.getBlockBlobClient("staged");
    const id = Buffer.from("0001").toString("base64");
    await staged.stageBlockFromURL(id, `${source.url}?${sas}`, 100, 200);
    await staged.commitBlockList([id]);
    assert.equal(hash(await staged.downloadToBuffer()), hash(bytes.subarray(100, 300)));
    await container.delete();
  },

  async leases() {
    const container = service.getContainerClient("js-leases");
    await container.create();
    const blob = container.getBlockBlobClient("a");
    await blob.upload("old", 3);
    const [mine, other] = [randomUUID(), randomUUID()];
    const lease = blob.getBlobLeaseClient(mine);
    const state = async () => {
      const shown = await blob.getProperties();
      return [shown.leaseState, shown.leaseStatus, shown.leaseDuration];
    };
    assert.deepEqual(await state(), ["available", "unlocked", undefined]);
    assert.equal((await lease.acquireLease(15)).leaseId, mine);
    assert.deepEqual(await state(), ["leased", "locked", "fixed"]);
    await refused(blob.getBlobLeaseClient(other).acquireLease(15), "LeaseAlreadyPresent", 409);
    await refused(blob.getBlobLeaseClient(other).renewLease(), "LeaseIdMismatchWithLeaseOperation", 409);
    await refused(blob.upload("new", 3), "LeaseIdMissing", 412);
    await refused(blob.upload("new", 3, { conditions: { leaseId: other } }), "LeaseIdMismatchWithBlobOperation", 412);
    await refused(blob.setMetadata({ a: "1" }), "LeaseIdMissing", 412);
    await refused(blob.delete(), "LeaseIdMissing", 412);
    await refused(blob.download(0, 1, { conditions: { leaseId: other } }), "LeaseIdMismatchWithBlobOperation", 412);
    await blob.upload("new", 3, { conditions: { leaseId: mine } });
    assert.equal((await read(blob)).toString(), "new");
    await lease.renewLease();
    await lease.changeLease(other);
    await blob.setMetadata({ a: "1" }, { conditions: { leaseId: other } });
    await blob.getBlobLeaseClient(other).releaseLease();
    assert.deepEqual(await state(), ["available", "unlocked", undefined]);
    await refused(blob.upload("x", 1, { conditions: { leaseId: mine } }), "LeaseNotPresentWithBlobOperation", 412);

    await blob.getBlobLeaseClient(mine).acquireLease(-1);
    assert.deepEqual(await state(), ["leased", "locked", "infinite"]);
    const again = blob.getBlobLeaseClient(mine);
    const broken = await again.breakLease(60);
    assert.ok(broken.leaseTime > 50 && broken.leaseTime <= 60);
    assert.deepEqual(await state(), ["breaking", "locked", undefined]);
    await refused(again.acquireLease(-1), "LeaseIsBreakingAndCannotBeAcquired", 409);
    await refused(again.changeLease(other), "LeaseIsBreakingAndCannotBeChanged", 409);
    await refused(blob.getBlobLeaseClient(mine).renewLease(), "LeaseIsBrokenAndCannotBeRenewed", 409);
    await refused(blob.delete(), "LeaseIdMissing", 412);
    assert.equal((await blob.getBlobLeaseClient(mine).breakLease(0)).leaseTime, 0);
    assert.deepEqual(await state(), ["broken", "unlocked", undefined]);
    await blob.delete();
    await refused(blob.getBlobLeaseClient(mine).acquireLease(15), "BlobNotFound", 404);

    const whole = container.getBlobLeaseClient(mine);
    await whole.acquireLease(-1);
    assert.equal((await container.getProperties()).leaseState, "leased");
    await refused(container.delete(), "LeaseIdMissing", 412);
    await refused(
      container.delete({ conditions: { leaseId: other } }),
      "LeaseIdMismatchWithContainerOperation",
      412,
    );
    await container.getBlockBlobClient("free").upload("x", 1);
    await container.delete({ conditions: { leaseId: mine } });
  },

  async appends() {
    const container = service.getContainerClient("js-appends");
    await container.create();
    const blob = container.getAppendBlobClient("log");
    await blob.create({ blobHTTPHeaders: { blobContentType: "text/plain" } });
    const pieces = [randomBytes(100), randomBytes(3 << 20), Buffer.from("x"), ...Array(40).fill(Buffer.from("line\n"))];
    let size = 0;
    for (const piece of pieces) {
      const answer = await blob.appendBlock(piece, piece.length);
      assert.equal(Number(answer.blobAppendOffset), size);
      size += piece.length;
    }
    const expected = Buffer.concat(pieces);
    const properties = await blob.getProperties();
    assert.equal(properties.blobType, "AppendBlob");
    assert.equal(properties.blobCommittedBlockCount, pieces.length);
    assert.equal(properties.contentType, "text/plain");
    assert.equal(hash(await blob.downloadToBuffer()), hash(expected));
    const at = (appendPosition) => ({ conditions: { appendPosition } });
    await refused(blob.appendBlock("y", 1, at(size - 1)), "AppendPositionConditionNotMet", 412);
    await refused(blob.appendBlock("y", 1, { conditions: { maxSize: size } }), "MaxBlobSizeConditionNotMet", 412);
    await refused(blob.appendBlock("y", 1, { conditions: { ifMatch: '"0x1"' } }), "ConditionNotMet", 412);
    await Promise.all(Array.from({ length: 8 }, (_, i) => blob.appendBlock(String(i), 1)));
    const tail = (await blob.downloadToBuffer(size)).toString();
    assert.equal([...tail].sort().join(""), "01234567");
    const sas = generateBlobSASQueryParameters(
      { containerName: "js-appends", permissions: ContainerSASPermissions.parse("r"), expiresOn: soon() },
      credential,
    );
    await blob.appendBlockFromURL(`${blob.url}?${sas}`, 0, 100);
    assert.equal(hash(await blob.downloadToBuffer(size + 8)), hash(pieces[0]));
    const block = container.getBlockBlobClient("block");
    await block.upload("x", 1);
    await refused(container.getAppendBlobClient("block").appendBlock("x", 1), "InvalidBlobType", 409);
    await refused(container.getBlockBlobClient("log").stageBlock("MQ==", "x", 1), "InvalidBlobType", 409);
    const listed = [];
    for await (const item of container.listBlobsFlat()) listed.push(`${item.name} ${item.properties.blobType}`);
    assert.deepEqual(listed, ["block BlockBlob", "log AppendBlob"]);
    await blob.seal();
    assert.equal((await blob.getProperties()).isSealed, true);
    await refused(blob.appendBlock("y", 1), "BlobIsSealed", 409);
    await refused(blob.create({ conditions: { ifNoneMatch: "*" } }), "BlobAlreadyExists", 409);
    await container.delete();
  },

  async pages() {
    // The library takes End for the byte behind the range, and tells one byte less.
    const told = (offset, count) => ({ offset, count: count - 1 });
    const container = service.getContainerClient("js-pages");
    await container.create();
    const blob = container.getPageBlobClient("disk");
    const size = 12 << 20;
    await blob.create(size, { blobHTTPHeaders: { blobContentType: "application/x-disk" } });
    const expected = Buffer.alloc(size);
    const write = async (offset, bytes) => {
      await blob.uploadPages(bytes, offset, bytes.length);
      bytes.copy(expected, offset);
    };
    await write(0, randomBytes(4 << 20));
    await write((4 << 20) - 512, randomBytes(1024));
    await write(9 << 20, randomBytes(512));
    await blob.clearPages(1024, 2048);
    expected.fill(0, 1024, 3072);
    assert.equal(hash(await blob.downloadToBuffer()), hash(expected));
    const properties = await blob.getProperties();
    assert.equal(properties.blobType, "PageBlob");
    assert.equal(properties.contentLength, size);
    const ranges = await blob.getPageRanges(0, size);
    assert.deepEqual(ranges.pageRange, [
      told(0, 1024),
      told(3072, (4 << 20) + 512 - 3072),
      told(9 << 20, 512),
    ]);
    await refused(blob.uploadPages(Buffer.alloc(512), size, 512), "InvalidPageRange", 416);
    await refused(blob.uploadPages(Buffer.alloc(100), 0, 100), "InvalidPageRange", 416);
    await blob.updateSequenceNumber("update", 5);
    assert.equal((await blob.updateSequenceNumber("increment")).blobSequenceNumber, 6);
    assert.equal((await blob.updateSequenceNumber("max", 3)).blobSequenceNumber, 6);
    const page = Buffer.alloc(512, 1);
    await refused(
      blob.uploadPages(page, 0, 512, { conditions: { ifSequenceNumberLessThan: 6 } }),
      "SequenceNumberConditionNotMet",
      412,
    );
    await blob.uploadPages(page, 0, 512, { conditions: { ifSequenceNumberEqualTo: 6 } });
    page.copy(expected, 0);
    const sas = generateBlobSASQueryParameters(
      { containerName: "js-pages", permissions: ContainerSASPermissions.parse("r"), expiresOn: soon() },
      credential,
    );
    await blob.uploadPagesFromURL(`${blob.url}?${sas}`, 9 << 20, 10 << 20, 512);
    expected.copy(expected, 10 << 20, 9 << 20, (9 << 20) + 512);
    assert.equal(hash(await blob.downloadToBuffer()), hash(expected));
    await refused(blob.uploadPages(page, 0, 512, { conditions: { ifMatch: '"0x1"' } }), "ConditionNotMet", 412);
    await refused(blob.uploadPages(page, 0, 512, { transactionalContentMD5: randomBytes(16) }), "Md5Mismatch", 400);
    await refused(blob.create(512, { conditions: { ifNoneMatch: "*" } }), "BlobAlreadyExists", 409);
    await refused(blob.clearPages(256, 512), "InvalidPageRange", 416);
    const lease = blob.getBlobLeaseClient();
    await lease.acquireLease(-1);
    await refused(blob.uploadPages(page, 0, 512), "LeaseIdMissing", 412);
    await refused(blob.resize(512), "LeaseIdMissing", 412);
    await blob.uploadPages(page, 0, 512, { conditions: { leaseId: lease.leaseId } });
    await lease.releaseLease();
    assert.equal(hash(await blob.downloadToBuffer()), hash(expected));

    const { snapshot } = await blob.createSnapshot();
    const before = Buffer.from(expected);
    await write(6 << 20, randomBytes(1024));
    await blob.clearPages(9 << 20, 512);
    expected.fill(0, 9 << 20, (9 << 20) + 512);
    const differences = await blob.getPageRangesDiff(0, size, snapshot);
    assert.deepEqual(differences.pageRange, [told(6 << 20, 1024)]);
    assert.deepEqual(differences.clearRange, [told(9 << 20, 512)]);
    const listed = [];
    for await (const part of blob.listPageRangesDiff(0, size, snapshot).byPage({ maxPageSize: 1 })) listed.push(part);
    assert.equal(listed.length, 2);
    const { snapshot: later } = await blob.createSnapshot();
    await refused(
      blob.withSnapshot(snapshot).getPageRangesDiff(0, size, later),
      "PreviousSnapshotCannotBeNewer",
      400,
    );
    assert.deepEqual((await blob.withSnapshot(later).getPageRangesDiff(0, size, snapshot)).clearRange, [
      told(9 << 20, 512),
    ]);
    await refused(
      blob.getPageRangesDiff(0, size, "2026-01-01T00:00:00.0000000Z"),
      "PreviousSnapshotNotFound",
      409,
    );
    assert.equal(hash(await blob.withSnapshot(snapshot).downloadToBuffer()), hash(before));
    assert.equal(hash(await blob.downloadToBuffer()), hash(expected));
    const again = container.getPageBlobClient("again");
    await again.create(512);
    const { snapshot: first } = await again.createSnapshot();
    await again.create(512);
    await refused(again.getPageRangesDiff(0, 512, first), "BlobOverwritten", 409);

    const copy = container.getPageBlobClient("copy");
    await (await copy.beginCopyFromURL(blob.url)).pollUntilDone();
    await blob.resize(1024);
    await blob.resize(2048);
    assert.equal(hash(await blob.downloadToBuffer()), hash(Buffer.concat([expected.subarray(0, 1024), Buffer.alloc(1024)])));
    assert.equal(hash(await copy.downloadToBuffer()), hash(expected));
    assert.equal((await copy.getProperties()).blobType, "PageBlob");
    assert.equal((await blob.getProperties()).contentType, "application/x-disk");
    await refused(blob.resize(100), "InvalidHeaderValue", 400);
    const block = container.getBlockBlobClient("block");
    await block.upload("x", 1);
    await refused(container.getPageBlobClient("block").uploadPages(page, 0, 512), "InvalidBlobType", 409);
    await container.delete();
  },

  async incrementalCopies() {
    const container = service.getContainerClient("js-incremental");
    await container.create();
    const disk = container.getPageBlobClient("disk");
    const backup = container.getPageBlobClient("backup");
    const size = 12 << 20;
    await disk.create(size, { metadata: { what: "disk" } });
    const first = randomBytes(1 << 20);
    await disk.uploadPages(first, (4 << 20) - 4096, first.length);
    const taken = [(await disk.createSnapshot()).snapshot];
    const image = [await disk.downloadToBuffer()];
    await disk.uploadPages(Buffer.alloc(512, 7), 0, 512);
    await disk.clearPages(4 << 20, 512);
    taken.push((await disk.createSnapshot()).snapshot);
    image.push(await disk.downloadToBuffer());

    const of = (blob, snapshot) => blob.withSnapshot(snapshot).url;
    await refused(backup.startCopyIncremental(disk.url), "IncrementalCopySourceMustBeSnapshot", 409);
    await refused(backup.startCopyIncremental(of(disk, "2026-01-01T00:00:00.0000000Z")), "CannotVerifyCopySource", 404);
    const kept = [];
    for (const snapshot of taken) {
      const answer = await backup.startCopyIncremental(of(disk, snapshot));
      assert.equal(answer.copyStatus, "success");
      const properties = await backup.getProperties();
      assert.equal(properties.isIncrementalCopy, true);
      assert.equal(properties.copyId, answer.copyId);
      assert.equal(properties.etag, answer.etag);
      assert.equal(properties.blobType, "PageBlob");
      assert.deepEqual(properties.metadata, { what: "disk" });
      kept.push(properties.destinationSnapshot);
    }
    for (const i of [0, 1]) {
      const copy = backup.withSnapshot(kept[i]);
      assert.equal(hash(await copy.downloadToBuffer()), hash(image[i]));
      const properties = await copy.getProperties();
      assert.equal(properties.destinationSnapshot, kept[i]);
      assert.equal(properties.isIncrementalCopy, true);
    }
    const differences = await backup.withSnapshot(kept[1]).getPageRangesDiff(0, size, kept[0]);
    assert.deepEqual(differences.pageRange, [{ offset: 0, count: 511 }]);
    assert.deepEqual(differences.clearRange, [{ offset: 4 << 20, count: 511 }]);

    await refused(backup.startCopyIncremental(of(disk, taken[0])), "IncrementalCopyOfEarlierSnapshotNotAllowed", 409);
    const other = container.getPageBlobClient("other");
    await other.create(512);
    const { snapshot: ofOther } = await other.createSnapshot();
    await refused(backup.startCopyIncremental(of(other, ofOther)), "IncrementalCopyBlobMismatch", 409);
    await refused(other.startCopyIncremental(of(disk, taken[1])), "IncrementalCopyBlobMismatch", 409);
    const { snapshot: next } = await disk.createSnapshot();
    await refused(
      backup.startCopyIncremental(of(disk, next), { conditions: { ifMatch: '"0x1"' } }),
      "ConditionNotMet",
      412,
    );
    const forbidden = "OperationNotAllowedOnIncrementalCopyBlob";
    await refused(backup.download(), forbidden, 409);
    await refused(backup.getPageRanges(0, size), forbidden, 409);
    await refused(backup.uploadPages(Buffer.alloc(512), 0, 512), forbidden, 409);
    await refused(backup.clearPages(0, 512), forbidden, 409);
    await refused(backup.resize(512), forbidden, 409);
    await refused(backup.setMetadata({ a: "b" }), forbidden, 409);
    await refused(backup.createSnapshot(), forbidden, 409);
    await refused(backup.create(512), forbidden, 409);
    await refused(backup.getBlobLeaseClient().acquireLease(-1), forbidden, 409);
    const block = container.getBlockBlobClient("block");
    await block.upload("x", 1);
    const { snapshot: ofBlock } = await block.createSnapshot();
    await refused(
      container.getPageBlobClient("new").startCopyIncremental(of(block, ofBlock)),
      "InvalidBlobType",
      409,
    );

    const listed = [];
    for await (const item of container.listBlobsFlat({ prefix: "backup", includeCopy: true, includeSnapshots: true })) {
      assert.equal(item.properties.incrementalCopy, true);
      listed.push([item.snapshot, item.properties.destinationSnapshot]);
    }
    assert.deepEqual(listed, [
      [kept[0], kept[0]],
      [kept[1], kept[1]],
      [undefined, kept[1]],
    ]);
    const restored = container.getPageBlobClient("restored");
    await (await restored.beginCopyFromURL(backup.withSnapshot(kept[0]).url)).pollUntilDone();
    assert.equal((await restored.getProperties()).isIncrementalCopy, undefined);
    assert.equal(hash(await restored.downloadToBuffer()), hash(image[0]));
    await disk.create(size);
    const { snapshot: anew } = await disk.createSnapshot();
    await refused(backup.startCopyIncremental(of(disk, anew)), "BlobOverwritten", 409);
    await refused(backup.delete(), "SnapshotsPresent", 409);
    await backup.delete({ deleteSnapshots: "include" });
    await backup.startCopyIncremental(of(disk, anew));
    await container.delete();
  },

  async listings() {
    const container = service.getContainerClient("js-listings");
    await container.create();
    for (const name of ["a/1", "a/2", "b", "c/d/1"]) {
      await container.getBlockBlobClient(name).upload("x", 1, { metadata: { n: "1" } });
    }
    const flat = [];
    for await (const page of container.listBlobsFlat({ includeMetadata: true }).byPage({ maxPageSize: 3 })) {
      assert.ok(page.segment.blobItems.length <= 3);
      flat.push(...page.segment.blobItems);
    }
    assert.deepEqual(
      flat.map((item) => item.name),
      ["a/1", "a/2", "b", "c/d/1"],
    );
    assert.deepEqual(flat[0].metadata, { n: "1" });
    assert.equal(flat[0].properties.contentLength, 1);
    const folders = [];
    for await (const item of container.listBlobsByHierarchy("/")) folders.push(`${item.kind} ${item.name}`);
    assert.deepEqual(folders.sort(), ["blob b", "prefix a/", "prefix c/"]);
    // Arrow is asked for, and XML, which is answered, taken.
    const between = { startFrom: "a/2", endBefore: "c", responseFormat: StorageResponseFormat.Arrow };
    const some = [];
    for await (const item of container.listBlobsFlat(between)) some.push(item.name);
    assert.deepEqual(some, ["a/2", "b"]);
    const parts = [];
    for await (const item of container.listBlobsByHierarchy("/", between)) parts.push(item.name);
    assert.deepEqual(parts.sort(), ["a/", "b"]);
    await container.delete();
  },

  async batches() {
    const container = service.getContainerClient("js-batches");
    await container.create();
    const urls = [];
    for (let i = 0; i < 40; ++i) {
      const blob = container.getBlockBlobClient(`folder/ünï ${i}`);
      await blob.upload("x", 1);
      urls.push(blob.url);
    }
    const tiers = await service.getBlobBatchClient().setBlobsAccessTier(urls, credential, "Cool");
    assert.equal(tiers.subResponsesSucceededCount, 40);
    for await (const item of container.listBlobsFlat()) assert.equal(item.properties.accessTier, "Cool");
    const batch = service.getBlobBatchClient();
    const half = await batch.deleteBlobs([...urls.slice(0, 20), `${container.url}/none`], credential);
    assert.equal(half.subResponsesSucceededCount, 20);
    assert.equal(half.subResponsesFailedCount, 1);
    assert.equal(half.subResponses[20].status, 404);
    assert.equal(half.subResponses[20].errorCode, "BlobNotFound");
    const sas = generateBlobSASQueryParameters(
      { containerName: "js-batches", permissions: ContainerSASPermissions.parse("d"), expiresOn: soon() },
      credential,
    );
    const signed = new BlobServiceClient(`${url}?${sas}`, undefined, options).getContainerClient("js-batches");
    const rest = urls.slice(20).map((one) => `${one}?${sas}`);
    const gone = await signed.getBlobBatchClient().deleteBlobs(rest, new AnonymousCredential());
    assert.equal(gone.subResponsesSucceededCount, 20);
    for await (const item of container.listBlobsFlat()) assert.fail(`${item.name} is still there`);
    await container.delete();
  },

  async tiers() {
    const container = service.getContainerClient("js-tiers");
    await container.create();
    const blob = container.getBlockBlobClient("a");
    await blob.upload("bar", 3, { tier: "Cool" });
    assert.equal((await blob.getProperties()).accessTier, "Cool");
    await blob.setAccessTier("Cold");
    const properties = await blob.getProperties();
    assert.equal(properties.accessTier, "Cold");
    assert.ok(properties.accessTierChangedOn instanceof Date);
    await blob.setAccessTier("Archive");
    await refused(blob.download(), "BlobArchived", 409);
    await refused(blob.upload("new", 3), "BlobArchived", 409);
    await blob.setAccessTier("Hot", { rehydratePriority: "High" });
    for (;;) {
      const now = await blob.getProperties();
      if (now.accessTier === "Hot") break;
      assert.equal(now.archiveStatus, "rehydrate-pending-to-hot");
    }
    assert.equal((await read(blob)).toString(), "bar");
    await blob.setAccessTier("Archive");
    const copy = container.getBlockBlobClient("copy");
    await (await copy.beginCopyFromURL(blob.url, { tier: "Hot", rehydratePriority: "High" })).pollUntilDone();
    while ((await copy.getProperties()).accessTier !== "Hot");
    assert.equal((await read(copy)).toString(), "bar");
    await container.delete();
  },

  async service() {
    const before = await service.getProperties();
    const rule = {
      allowedOrigins: "https://app.example",
      allowedMethods: "GET,PUT",
      allowedHeaders: "x-ms-*",
      exposedHeaders: "etag",
      maxAgeInSeconds: 30,
    };
    const logging = { version: "1.0", deleteProperty: true, read: false, write: true, retentionPolicy: { enabled: false } };
    await service.setProperties({ cors: [rule], blobAnalyticsLogging: logging, defaultServiceVersion: "2021-08-06" });
    const set = await service.getProperties();
    assert.deepEqual(set.cors, [rule]);
    assert.equal(set.defaultServiceVersion, "2021-08-06");
    assert.equal(set.blobAnalyticsLogging.write, true);
    assert.equal(set.deleteRetentionPolicy.enabled, before.deleteRetentionPolicy.enabled);
    const ask = (origin) =>
      fetch(`${url}/js-any/blob`, {
        method: "OPTIONS",
        headers: { Origin: origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-ms-date" },
      });
    const allowed = await ask("https://app.example");
    assert.equal(allowed.status, 200);
    assert.equal(allowed.headers.get("access-control-allow-origin"), "https://app.example");
    assert.equal((await ask("https://other.example")).status, 403);
    await refused(service.setProperties({ staticWebsite: { enabled: true } }), "FeatureNotSupportedForAccount", 501);
    await service.setProperties({ cors: [] });
    assert.equal((await ask("https://app.example")).status, 403);
    assert.equal((await service.getStatistics()).geoReplication.status, "live");
  },

  async softDelete() {
    const container = service.getContainerClient("js-soft-delete");
    await container.create();
    await service.setProperties({ deleteRetentionPolicy: { enabled: true, days: 7 } });
    const blob = container.getBlockBlobClient("a");
    const bytes = randomBytes(100_000);
    await blob.upload("first", 5);
    await blob.upload(bytes, bytes.length);
    await blob.delete();
    assert.equal(await blob.exists(), false);
    for await (const item of container.listBlobsFlat()) assert.fail(`${item.name} is listed`);
    const deleted = [];
    for await (const item of container.listBlobsFlat({ includeDeleted: true, includeSnapshots: true })) deleted.push(item);
    assert.deepEqual(
      deleted.map((item) => [item.name, item.deleted, Boolean(item.snapshot)]),
      [
        ["a", true, true],
        ["a", true, false],
      ],
    );
    assert.equal(deleted[1].properties.remainingRetentionDays >= 6, true);
    await blob.undelete();
    assert.equal(hash(await blob.downloadToBuffer()), hash(bytes));
    const snapshot = container.getBlobClient("a").withSnapshot(deleted[0].snapshot);
    assert.equal((await read(snapshot)).toString(), "first");
    await service.setProperties({ deleteRetentionPolicy: { enabled: false } });
    await blob.delete({ deleteSnapshots: "include" });
    await refused(blob.undelete(), "BlobNotFound", 404);
    await container.delete();
  },

  async signatures() {
    const container = service.getContainerClient("js-signatures");
    await container.create();
    const blob = container.getBlockBlobClient("a");
    await blob.upload("bar", 3);
    const with_sas = (sas, name = "a") =>
      new BlobServiceClient(`${url}?${sas}`, undefined, options)
        .getContainerClient("js-signatures")
        .getBlockBlobClient(name);
    const of_blob = (fields) =>
      generateBlobSASQueryParameters(
        { containerName: "js-signatures", blobName: "a", expiresOn: soon(), ...fields },
        credential,
      );
    const reading = { permissions: BlobSASPermissions.parse("r") };
    assert.equal((await read(with_sas(of_blob(reading)))).toString(), "bar");
    const shown = await with_sas(of_blob({ ...reading, contentType: "text/x-own" })).getProperties();
    assert.equal(shown.contentType, "text/x-own");
    await refused(with_sas(of_blob(reading), "b").download(), "AuthenticationFailed", 403);
    await refused(with_sas(of_blob(reading)).delete(), "AuthorizationPermissionMismatch", 403);
    await refused(with_sas(of_blob({ ...reading, expiresOn: new Date(1e12) })).download(), "AuthenticationFailed", 403);
    await refused(
      with_sas(of_blob({ ...reading, startsOn: new Date(Date.now() + 1800_000) })).download(),
      "AuthenticationFailed",
      403,
    );
    await refused(
      with_sas(of_blob({ ...reading, ipRange: { start: "192.0.2.1" } })).download(),
      "AuthorizationSourceIPMismatch",
      403,
    );
    const account = generateAccountSASQueryParameters(
      {
        permissions: AccountSASPermissions.parse("rwdlac"),
        resourceTypes: AccountSASResourceTypes.parse("sco").toString(),
        services: AccountSASServices.parse("b").toString(),
        expiresOn: soon(),
      },
      credential,
    );
    await with_sas(account, "b").upload("x", 1);
    assert.equal((await read(with_sas(account, "b"))).toString(), "x");
    const forged = new StorageSharedKeyCredential(given.account, Buffer.alloc(64, 1).toString("base64"));
    await refused(
      new BlobServiceClient(url, forged, options).getContainerClient("js-signatures").getProperties(),
      "AuthenticationFailed",
      403,
    );
    await container.delete();
  },

  async immutability() {
    // A container with immutable storage, which no operation of the service makes.
    const container = service.getContainerClient(given.locked);
    assert.equal((await container.getProperties()).isImmutableStorageWithVersioningEnabled, true);
    const blob = container.getBlockBlobClient("kept");
    const until = new Date(Math.floor(Date.now() / 1000) * 1000 + 3600_000);
    const later = new Date(until.getTime() + 3600_000);
    await blob.upload("one", 3, { immutabilityPolicy: { expiriesOn: until, policyMode: "Unlocked" }, legalHold: true });
    const first = await blob.getProperties();
    assert.equal(first.immutabilityPolicyExpiresOn.getTime(), until.getTime());
    assert.equal(first.immutabilityPolicyMode.toLowerCase(), "unlocked");
    assert.equal(first.legalHold, true);
    await refused(blob.setMetadata({ a: "b" }), "BlobImmutableDueToLegalHold", 409);
    assert.equal((await blob.setLegalHold(false)).legalHold, false);
    await refused(blob.setMetadata({ a: "b" }), "BlobImmutableDueToPolicy", 409);
    await blob.upload("second", 6);
    const earlier = blob.withVersion(first.versionId);
    await refused(earlier.delete(), "BlobImmutableDueToPolicy", 409);
    const items = [];
    const all = { includeVersions: true, includeImmutabilityPolicy: true, includeLegalHold: true };
    for await (const item of container.listBlobsFlat(all)) items.push(item);
    const item = items.find((one) => one.versionId === first.versionId);
    assert.equal(item.properties.immutabilityPolicyExpiresOn.getTime(), until.getTime());
    assert.equal(item.properties.immutabilityPolicyMode.toLowerCase(), "unlocked");
    assert.equal(item.properties.legalHold, false);
    assert.equal((await read(earlier)).toString(), "one");
    const shorter = { expiriesOn: new Date(until.getTime() - 60_000), policyMode: "Unlocked" };
    await earlier.setImmutabilityPolicy(shorter);
    await earlier.deleteImmutabilityPolicy();
    assert.equal((await earlier.getProperties()).immutabilityPolicyExpiresOn, undefined);
    await earlier.delete();
    const locked = await blob.setImmutabilityPolicy({ expiriesOn: until, policyMode: "Locked" });
    assert.equal(locked.immutabilityPolicyExpiry.getTime(), until.getTime());
    assert.equal(locked.immutabilityPolicyMode.toLowerCase(), "locked");
    await refused(blob.deleteImmutabilityPolicy(), "BlobImmutableDueToPolicy", 409);
    await refused(
      blob.setImmutabilityPolicy({ expiriesOn: later, policyMode: "Unlocked" }),
      "BlobImmutableDueToPolicy",
      409,
    );
    await blob.setImmutabilityPolicy({ expiriesOn: later, policyMode: "Locked" });
    assert.equal((await read(blob)).toString(), "second");
    await refused(container.delete(), "ContainerProtectedFromDeletion", 409);
    await refused(
      container.getBlobClient("none").setImmutabilityPolicy({ expiriesOn: until, policyMode: "Unlocked" }),
      "BlobNotFound",
      404,
    );
    const plain = service.getContainerClient("js-no-immutability");
    await plain.create();
    await plain.getBlockBlobClient("free").upload("x", 1);
    await refused(plain.getBlobClient("free").setLegalHold(true), "BlobOperationNotSupported", 409);
    await plain.delete();
  },

  async protectedWrites() {
    const container = service.getContainerClient(given.locked);
    const until = new Date(Math.floor(Date.now() / 1000) * 1000 + 3600_000);
    const kept = { immutabilityPolicy: { expiriesOn: until, policyMode: "Unlocked" }, legalHold: true };
    const source = container.getBlockBlobClient("source");
    await source.upload("bytes", 5);
    const block = Buffer.from("block").toString("base64");
    const client = (name) => container.getBlockBlobClient(name);
    await client("listed").stageBlock(block, "bytes", 5);
    await client("listed").commitBlockList([block], kept);
    await container.getAppendBlobClient("append").create(kept);
    await container.getPageBlobClient("page").create(512, kept);
    await (await client("copied").beginCopyFromURL(source.url, kept)).pollUntilDone();
    await client("synced").syncCopyFromURL(source.url, kept);
    await client("deep").uploadData(randomBytes(3 << 20), { maxSingleShotSize: 1 << 20, blockSize: 1 << 20, ...kept });
    for (const name of ["listed", "append", "page", "copied", "synced", "deep"]) {
      const properties = await client(name).getProperties();
      assert.equal(properties.immutabilityPolicyExpiresOn.getTime(), until.getTime(), name);
      assert.equal(properties.legalHold, true, name);
      await refused(client(name).setMetadata({ a: "b" }), "BlobImmutableDueToLegalHold", 409);
    }
    await refused(container.getAppendBlobClient("append").appendBlock("x", 1), "BlobImmutableDueToLegalHold", 409);
    await refused(
      container.getPageBlobClient("page").uploadPages(Buffer.alloc(512), 0, 512),
      "BlobImmutableDueToLegalHold",
      409,
    );
  },

  async protectingBySignature() {
    const container = service.getContainerClient(given.locked);
    const blob = container.getBlockBlobClient("signed");
    const versionId = (await blob.upload("one", 3)).versionId;
    await blob.upload("two", 3);
    const snapshot = (await blob.createSnapshot()).snapshot;
    const of = (permissions, more) => {
      const named = { containerName: given.locked, blobName: "signed", expiresOn: soon() };
      const values = { ...named, permissions: BlobSASPermissions.parse(permissions), ...more };
      return generateBlobSASQueryParameters(values, credential);
    };
    const inContainer = (permissions) =>
      generateBlobSASQueryParameters(
        { containerName: given.locked, expiresOn: soon(), permissions: ContainerSASPermissions.parse(permissions) },
        credential,
      );
    const ofAccount = (permissions) =>
      generateAccountSASQueryParameters(
        {
          services: AccountSASServices.parse("b").toString(),
          resourceTypes: AccountSASResourceTypes.parse("o").toString(),
          permissions: AccountSASPermissions.parse(permissions),
          expiresOn: soon(),
        },
        credential,
      );
    const anybody = new BlobServiceClient(url, new AnonymousCredential(), options);
    const bare = anybody.getContainerClient(given.locked).getBlockBlobClient("signed");
    const by = (target, sas) =>
      new BlockBlobClient(`${target.url}${target.url.includes("?") ? "&" : "?"}${sas}`, new AnonymousCredential(), options);
    const ways = [
      [bare, of],
      [bare, inContainer],
      [bare, ofAccount],
      [bare.withSnapshot(snapshot), (permissions) => of(permissions, { snapshotTime: snapshot })],
      [bare.withVersion(versionId), (permissions) => of(permissions, { versionId })],
    ];
    for (const [target, sign] of ways) {
      const may = by(target, sign("ri"));
      assert.equal((await may.setLegalHold(true)).legalHold, true);
      assert.equal((await may.getProperties()).legalHold, true);
      assert.equal((await may.setLegalHold(false)).legalHold, false);
      await may.setImmutabilityPolicy({ expiriesOn: soon(), policyMode: "Unlocked" });
      await may.deleteImmutabilityPolicy();
      const mayNot = by(target, sign("rwd"));
      await refused(mayNot.setLegalHold(true), "AuthorizationPermissionMismatch", 403);
      await refused(
        mayNot.setImmutabilityPolicy({ expiriesOn: soon(), policyMode: "Unlocked" }),
        "AuthorizationPermissionMismatch",
        403,
      );
      await refused(mayNot.deleteImmutabilityPolicy(), "AuthorizationPermissionMismatch", 403);
    }
    await refused(by(bare, of("rw")).upload("x", 1, { legalHold: true }), "AuthorizationPermissionMismatch", 403);
    await by(bare, of("rwi")).upload("x", 1, { legalHold: true });
    await refused(bare.setLegalHold(false), "NoAuthenticationInformation", 401);
  },
};

for (const [name, step] of Object.entries(steps)) {
  if (given.steps && !given.steps.includes(name)) continue;
  try {
    await step();
    console.log(`ok ${name}`);
  } catch (error) {
    console.error(`not ok ${name}`, error);
    process.exitCode = 1;
  }
}
