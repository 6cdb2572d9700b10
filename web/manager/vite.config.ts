import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  base: "/manager/",
  plugins: [svelte()],
  build: { outDir: here("../dist/manager"), emptyOutDir: true, target: "es2023", assetsInlineLimit: 0 },
  server: { proxy: { "/sandbox": "http://127.0.0.1:8400" } },
});
