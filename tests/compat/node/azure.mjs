// The verbs of clients/client.py, spoken by @azure/storage-blob with Shared Key.
import {
  BlobSASPermissions,
  BlobServiceClient,
  StorageSharedKeyCredential,
  generateBlobSASQueryParameters,
} from "@azure/storage-blob";

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
