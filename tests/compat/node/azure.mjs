// The verbs of clients/client.py, spoken by @azure/storage-blob with Shared Key.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import {
  BlobSASPermissions,
  BlobServiceClient,
  StorageSharedKeyCredential,
  generateBlobSASQueryParameters,
} from "@azure/storage-blob";

// Bytes of a key as the SDK wants it told, with its hash.
function keyOf(text) {
  if (!text) return undefined;
  const bytes = Buffer.from(text, "latin1");
  return {
    encryptionKey: bytes.toString("base64"),
    encryptionKeySha256: createHash("sha256").update(bytes).digest("base64"),
    encryptionAlgorithm: "AES256",
  };
}

export function connect({ endpoint, accessKey, secretKey }) {
  const credential = new StorageSharedKeyCredential(accessKey, secretKey);
  const service = new BlobServiceClient(endpoint, credential, { retryOptions: { maxTries: 1 } });
  const blobOf = (bucket, key) => service.getContainerClient(bucket).getBlockBlobClient(key);

  function readable(bucket, key) {
    const expiresOn = new Date(Date.now() + 300_000);
    const scope = { containerName: bucket, blobName: key, permissions: BlobSASPermissions.parse("r"), expiresOn };
    return `${blobOf(bucket, key).url}?${generateBlobSASQueryParameters(scope, credential)}`;
  }

  return {
    async makeBucket({ bucket }) {
      await service.createContainer(bucket);
    },

    async put({ bucket, key, path }) {
      await blobOf(bucket, key).uploadFile(path);
    },

    // In blocks, whatever the size.
    async upload({ bucket, key, path }) {
      await blobOf(bucket, key).uploadFile(path, { blockSize: 4 << 20, maxSingleShotSize: 1 << 16, concurrency: 4 });
    },

    async get({ bucket, key, path }) {
      await blobOf(bucket, key).downloadToFile(path);
    },

    // Under a key of the customer's: as one Put Blob, or in blocks that come together.
    // uploadFile() does not give the key with the blocks it makes.
    async putUnderKey({ bucket, key, path, secret, blocks }) {
      const customerProvidedKey = keyOf(secret);
      const blob = blobOf(bucket, key);
      if (!blocks) return blob.uploadFile(path, { customerProvidedKey, maxSingleShotSize: 256 << 20 });
      const bytes = await readFile(path);
      const ids = [];
      const staged = [];
      for (let at = 0; at < bytes.length; at += 1 << 20) {
        const id = Buffer.from(String(at).padStart(12, "0")).toString("base64");
        const block = bytes.subarray(at, at + (1 << 20));
        ids.push(id);
        staged.push(blob.stageBlock(id, block, block.length, { customerProvidedKey }));
      }
      await Promise.all(staged);
      await blob.commitBlockList(ids, { customerProvidedKey });
    },

    async getUnderKey({ bucket, key, path, secret }) {
      await blobOf(bucket, key).downloadToFile(path, 0, undefined, { customerProvidedKey: keyOf(secret) });
    },

    // An append or page blob under that key (or none, where the container encrypts), written in pieces of that size.
    async writeUnderKey({ bucket, key, path, secret, kind, step, gap }) {
      const customerProvidedKey = keyOf(secret);
      const container = service.getContainerClient(bucket);
      const bytes = await readFile(path);
      if (kind === "append") {
        const blob = container.getAppendBlobClient(key);
        await blob.create({ customerProvidedKey });
        for (let at = 0; at < bytes.length; at += step) {
          const block = bytes.subarray(at, at + step);
          await blob.appendBlock(block, block.length, { customerProvidedKey });
        }
        return;
      }
      const blob = container.getPageBlobClient(key);
      await blob.create(bytes.length, { customerProvidedKey });
      // Other bytes first, written over and cleared, so that what stands there is of several writes.
      const other = Buffer.alloc(Math.min(bytes.length, 4 << 20), "o");
      await blob.uploadPages(other, 0, other.length, { customerProvidedKey });
      await blob.clearPages(0, other.length, { customerProvidedKey });
      for (let at = 0; at < bytes.length; at += step) {
        const page = bytes.subarray(at, at + step);
        await blob.uploadPages(page, at, page.length, { customerProvidedKey });
      }
      if (gap) await blob.clearPages(gap[0], gap[1], { customerProvidedKey });
    },

    // Some bytes of a blob, in hex.
    async rangeUnderKey({ bucket, key, secret, offset, length }) {
      const bytes = await blobOf(bucket, key).downloadToBuffer(offset, length, { customerProvidedKey: keyOf(secret) });
      return bytes.toString("hex");
    },

    // The codes that writes come to which have not the key.
    async refusedWrites({ bucket, key, kind, secret }) {
      const container = service.getContainerClient(bucket);
      const customerProvidedKey = keyOf(secret);
      const append = container.getAppendBlobClient(key);
      const page = container.getPageBlobClient(key);
      const writes =
        kind === "append"
          ? [() => append.appendBlock("lost", 4, { customerProvidedKey })]
          : [
              () => page.uploadPages(Buffer.alloc(512), 0, 512, { customerProvidedKey }),
              () => page.clearPages(0, 512, { customerProvidedKey }),
            ];
      const codes = [];
      for (const write of writes) {
        codes.push(
          await write().then(
            () => "none",
            (error) => error.code ?? error.details?.errorCode,
          ),
        );
      }
      return codes;
    },

    async snapshotUnderKey({ bucket, key, secret }) {
      return (await blobOf(bucket, key).createSnapshot({ customerProvidedKey: keyOf(secret) })).snapshot;
    },

    async getSnapshotUnderKey({ bucket, key, snapshot, path, secret }) {
      const blob = blobOf(bucket, key).withSnapshot(snapshot);
      await blob.downloadToFile(path, 0, undefined, { customerProvidedKey: keyOf(secret) });
    },

    // The length that the properties tell, or the error's code.
    async lengthUnderKey({ bucket, key, secret }) {
      try {
        return (await blobOf(bucket, key).getProperties({ customerProvidedKey: keyOf(secret) })).contentLength;
      } catch (error) {
        return error.code ?? error.details?.errorCode;
      }
    },

    async copy({ bucket, key, newKey }) {
      const poller = await blobOf(bucket, newKey).beginCopyFromURL(readable(bucket, key));
      const { copyStatus } = await poller.pollUntilDone();
      if (copyStatus !== "success") throw new Error(copyStatus);
    },

    async remove({ bucket, keys }) {
      for (const key of keys) await blobOf(bucket, key).delete();
    },

    async list({ bucket, prefix, delimiter }) {
      const container = service.getContainerClient(bucket);
      const keys = [];
      const prefixes = [];
      const found = delimiter
        ? container.listBlobsByHierarchy(delimiter, { prefix })
        : container.listBlobsFlat({ prefix });
      for await (const item of found) (item.kind === "prefix" ? prefixes : keys).push(item.name);
      return [keys, prefixes];
    },
  };
}
