import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  base: "/",
  plugins: [svelte()],
  build: { outDir: here("../dist/console"), emptyOutDir: true, target: "es2023", assetsInlineLimit: 0 },
  server: { proxy: { "/v1/console/ws": { target: "ws://127.0.0.1:8500", ws: true }, "/v1": "http://127.0.0.1:8500" } },
});
