import React, { useEffect, useState } from "react";
import { list } from "../utils/api.js";

export default function Cadets() {
  const [page, setPage] = useState({ data: [], total: 0 });

  useEffect(() => {
    list("cadets").then(setPage);
  }, []);

  return (
    <section>
      <h2>{page.total} cadets</h2>
      <ol>
        {page.data.map((cadet) => (
          <li key={cadet.id}>
            {cadet.last_name}, {cadet.first_name}
          </li>
        ))}
      </ol>
    </section>
  );
}
