import { list } from "../utils/api.js";
import { html, useEffect, useState } from "../vendor/preact.js";

export default function Cadets() {
  const [page, setPage] = useState({ data: [], total: 0 });

  useEffect(() => {
    list("cadets").then(setPage);
  }, []);

  return html`
    <section>
      <h2>${page.total} cadets</h2>
      <ol>
        ${page.data.map((cadet) => html`<li key=${cadet.id}>${cadet.last_name}, ${cadet.first_name}</li>`)}
      </ol>
    </section>
  `;
}
