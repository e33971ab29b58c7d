// The verbs of clients/client.py, spoken by the minio package.
import * as Minio from "minio";

export function connect({ endpoint, accessKey, secretKey }) {
  const url = new URL(endpoint);
  const client = new Minio.Client({
    endPoint: url.hostname,
    port: Number(url.port),
    useSSL: url.protocol === "https:",
    accessKey,
    secretKey,
    partSize: 5 << 20,
  });
  return {
    makeBucket: ({ bucket }) => client.makeBucket(bucket),

    put: ({ bucket, key, path }) => client.fPutObject(bucket, key, path),

    get: ({ bucket, key, path }) => client.fGetObject(bucket, key, path),

    upload: ({ bucket, key, path }) => client.fPutObject(bucket, key, path),

    copy: ({ bucket, key, newKey }) => client.copyObject(bucket, newKey, `/${bucket}/${encodeURI(key)}`),

    remove: ({ bucket, keys }) => client.removeObjects(bucket, keys),

    async list({ bucket, prefix, delimiter }) {
      const keys = [];
      const prefixes = [];
      for await (const entry of client.listObjectsV2(bucket, prefix, delimiter === "")) {
        if (entry.prefix === undefined) keys.push(entry.name);
        else prefixes.push(entry.prefix);
      }
      return [keys, prefixes];
    },

    presign: ({ bucket, key, method }) =>
      method === "GET" ? client.presignedGetObject(bucket, key, 300) : client.presignedPutObject(bucket, key, 300),
  };
}
