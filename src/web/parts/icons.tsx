// icons: drawn here, in the colour of the text.

const PATHS: Record<string, string> = {
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.7 10.7 14 14",
  menu: "M2 4h12M2 8h12M2 12h12",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M4 6.5 8 10.5l4-4",
  right: "M6.5 4l4 4-4 4",
  up: "M4 9.5 8 5.5l4 4",
  refresh: "M13 8a5 5 0 1 1-1.5-3.6M13 1.8v3h-3",
  light: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M3 13l1.1-1.1M11.9 4.1 13 3",
  dark: "M13.5 9.7A6 6 0 0 1 6.3 2.5 6 6 0 1 0 13.5 9.7Z",
  auto: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 2v12M8 5h4.6M8 8h6M8 11h4.6",
  help: "M5.8 6.2a2.2 2.2 0 1 1 3.3 1.9c-.8.4-1.1.8-1.1 1.7M8 12.3v.1",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.3V11M8 5v.1",
  options: "M2 5h6M12 5h2M2 11h2M8 11h6M10 3.2v3.6M6 9.2v3.6",
  more: "M8 3.5v.1M8 8v.1M8 12.5v.1",
  warn: "M8 2 1.8 13.2h12.4L8 2ZM8 6.5v3M8 11.4v.1",
};

export function Icon({ name }: { name: string }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

// Sonde's mark: stacks, as a flame graph has them, and the probe that goes down into them.
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <rect class="mark-1" x="1" y="2" width="22" height="5" rx="1.6" />
      <rect class="mark-2" x="1" y="9.5" width="15" height="5" rx="1.6" />
      <rect class="mark-3" x="1" y="17" width="7" height="5" rx="1.6" />
      <path class="mark-probe" d="M19.5 9.5V18" />
      <circle class="mark-tip" cx="19.5" cy="20" r="2.2" />
    </svg>
  );
}
