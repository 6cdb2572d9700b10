/** A Svelte action: closes a floating card on a press outside it, and on Escape. */
export function clickAway(node: HTMLElement, close: () => void) {
  const onPress = (event: PointerEvent) => {
    if (event.target instanceof Node && !node.contains(event.target)) close();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
  };
  // The press that opened the card is still on its way up; listen from the next one on.
  const timer = setTimeout(() => document.addEventListener("pointerdown", onPress));
  document.addEventListener("keydown", onKey);
  return {
    destroy() {
      clearTimeout(timer);
      document.removeEventListener("pointerdown", onPress);
      document.removeEventListener("keydown", onKey);
    },
  };
}
